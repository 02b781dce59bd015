use std::io::{Seek, SeekFrom, Write};

use arrow_array::types::Int32Type;
use arrow_array::{
    BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, DurationNanosecondArray, Float64Array,
    Int64Array, LargeStringArray, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt8Array,
};
use parquet::arrow::ArrowWriter;

use super::super::Memory;
use super::*;
use arrow_array::{Array, ArrayRef};

fn written(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn bytes_file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file
}

fn read_bytes(bytes: &[u8]) -> Result<Vec<Arrival>, InputError> {
    read(bytes_file(bytes), &Defaults::default())
}

fn array(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

/// An order's columns, with others in the place of some.
fn columns(others: Vec<(&'static str, ArrayRef)>) -> Vec<(&'static str, ArrayRef)> {
    let usual = vec![
        ("at", array(Int64Array::from(vec![5]))),
        ("cpu", array(Float64Array::from(vec![1.5]))),
        ("memory", array(StringArray::from(vec!["4Gi"]))),
    ];
    let kept = usual.into_iter().filter(|(name, _)| others.iter().all(|(other, _)| other != name));
    kept.chain(others.clone()).collect()
}

fn one(others: Vec<(&'static str, ArrayRef)>) -> Arrival {
    read_bytes(&written(columns(others))).unwrap().swap_remove(0)
}

fn refused(others: Vec<(&'static str, ArrayRef)>, words: &str) {
    let error = read_bytes(&written(columns(others))).unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn columns_may_have_any_type_that_reads_as_text() {
    let dictionary: DictionaryArray<Int32Type> = vec!["h100|t4"].into_iter().collect();
    let price = Decimal128Array::from(vec![1_250]).with_precision_and_scale(20, 2).unwrap();
    let arrival = one(vec![
        ("id", array(LargeStringArray::from(vec!["a"]))),
        ("memory", array(BinaryArray::from(vec![&b"4Gi"[..]]))),
        ("gpu_units", array(UInt8Array::from(vec![2]))),
        ("gpu", array(dictionary)),
        ("count", array(Float64Array::from(vec![3.0]))),
        ("max_price", array(price)),
        ("owner", array(StringArray::from(vec![None::<&str>]))),
        ("lifetime", array(DurationNanosecondArray::from(vec![1_500_000_000]))),
    ]);
    let unit = &arrival.order.group.resources()[0];
    assert_eq!((&*arrival.id, arrival.at, arrival.until, arrival.owner), ("a", 5000, Some(6500), None));
    assert_eq!((unit.cpu.get(), unit.memory.get(), unit.count), (1500, 4 << 30, 3));
    assert_eq!((unit.gpu.units, unit.gpu.alternatives.len()), (2, 2));
    assert_eq!(arrival.order.max_price.as_ref().unwrap().amount().to_string(), "12.5");
}

#[test]
fn timestamps_count_in_utc_whatever_zone_they_are_shown_in() {
    let at = |at: ArrayRef| one(vec![("at", at)]).at;
    assert_eq!(at(array(TimestampSecondArray::from(vec![1_700_000_000]))), 1_700_000_000_000);
    let micros = TimestampMicrosecondArray::from(vec![1_700_000_000_123_999]);
    assert_eq!(at(array(micros.clone())), 1_700_000_000_123);
    assert_eq!(at(array(micros.clone().with_timezone("UTC"))), 1_700_000_000_123);
    assert_eq!(at(array(micros.clone().with_timezone("+05:30"))), 1_700_000_000_123);
    assert_eq!(at(array(micros.with_timezone("Europe/Berlin"))), 1_700_000_000_123);
    assert_eq!(at(array(TimestampNanosecondArray::from(vec![1_000_000]))), 1);
    assert_eq!(at(array(Date32Array::from(vec![1]))), 86_400_000);
    assert_eq!(at(array(StringArray::from(vec!["1970-01-01T01:00:00+01:00"]))), 0);
}

#[test]
fn what_is_wrong_is_told_with_its_row_and_column() {
    refused(vec![("memroy", array(Int64Array::from(vec![1])))], "did you mean `memory`?");
    refused(vec![("cpu", array(BooleanArray::from(vec![true])))], "at `cpu`: the column has the type Boolean");
    refused(vec![("cpu", array(TimestampSecondArray::from(vec![1])))], "at `cpu`: the column has the type Timestamp");
    refused(vec![("lifetime", array(Date32Array::from(vec![1])))], "at `lifetime`");
    refused(vec![("cpu", array(Float64Array::from(vec![f64::NAN])))], "at `cpu`: row 1: `NaN`");
    refused(vec![("cpu", array(Float64Array::from(vec![1e300])))], "at `cpu`: row 1");
    refused(vec![("at", array(Int64Array::from(vec![None])))], "at `at`: row 1: an order needs `at`");
    refused(vec![("at", array(TimestampSecondArray::from(vec![i64::MIN])))], "at `at`: row 1");
    refused(vec![("at", array(Date32Array::from(vec![i32::MAX])))], "at `at`: row 1");
    refused(vec![("memory", array(BinaryArray::from(vec![&b"\xff4Gi"[..]])))], "row 1: a text is not UTF-8");
    let inner = arrow_array::StructArray::from(vec![(
        Arc::new(Field::new("cpu", DataType::Int64, true)),
        array(Int64Array::from(vec![1])),
    )]);
    refused(vec![("order", array(inner))], "at `order`");
}

#[test]
fn bytes_that_a_file_calls_texts_are_looked_at_nevertheless() {
    // The file's own Arrow schema says that the column, of bytes to Parquet, is a text.
    let bytes = written(columns(vec![("id", array(BinaryArray::from(vec![&b"\xff\xfe"[..]])))]));
    let schema = ArrowReaderMetadata::load(&bytes_file(&bytes), ArrowReaderOptions::new()).unwrap();
    let fields = schema.schema().fields().iter().map(|field| match field.name().as_str() {
        "id" => Field::new("id", DataType::Utf8View, true),
        _ => (**field).clone(),
    });
    let metadata = schema.metadata().file_metadata().schema_descr_ptr();
    let field =
        fields.zip(metadata.columns()).next_back().map(|(field, leaf)| readable(&field, leaf)).unwrap().unwrap();
    assert_eq!(field.data_type(), &DataType::BinaryView);
}

#[test]
fn more_rows_than_there_may_be_are_refused_before_they_are_unpacked() {
    let many = MAX_ORDERS + 1;
    let bytes = written(vec![("at", array(Int64Array::from(vec![0; many])))]);
    let error = read_bytes(&bytes).unwrap_err().to_string();
    assert!(error.contains("2000001 rows"), "{error}");
}

#[test]
fn a_text_that_repeats_a_thousand_times_is_not_kept_a_thousand_times() {
    let long = "x".repeat(1 << 18);
    let rows = 1_000;
    let at: ArrayRef = array(Int64Array::from(vec![0; rows]));
    let order: DictionaryArray<Int32Type> =
        DictionaryArray::new(arrow_array::Int32Array::from(vec![0; rows]), array(StringArray::from(vec![long])));
    // The text is not an order, which the error for the first row says.
    let error = read_bytes(&written(vec![("at", at), ("order", array(order))])).unwrap_err().to_string();
    assert!(error.contains("row 1"), "{error}");
}

#[test]
fn damaged_files_are_refused_or_read_but_never_end_the_program() {
    let rows = 20;
    let names: Vec<String> = (0..rows).map(|row| format!("order {row}")).collect();
    let bytes = written(vec![
        ("id", array(StringArray::from(names))),
        ("at", array(TimestampMicrosecondArray::from(vec![7; rows]).with_timezone("UTC"))),
        ("cpu", array(Float64Array::from(vec![1.0; rows]))),
        ("memory", array(StringArray::from(vec![Some("1Gi"); rows]))),
    ]);
    assert_eq!(read_bytes(&bytes).unwrap().len(), rows);
    for end in 0..bytes.len() {
        assert!(read_bytes(&bytes[..end]).is_err(), "{end}");
    }
    for place in 0..bytes.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut broken = bytes.clone();
            broken[place] ^= change;
            // A changed letter of an order's name is still a name.
            let _ = read_bytes(&broken);
        }
    }
}

#[test]
fn a_small_file_of_large_orders_stops_at_the_memory_that_they_may_take() {
    let rows = 20_000;
    let kinds: Vec<String> = (0..900).map(|kind| format!("m{kind}")).collect();
    let keys = arrow_array::Int32Array::from(vec![0; rows]);
    let gpu: DictionaryArray<Int32Type> = DictionaryArray::new(keys, array(StringArray::from(vec![kinds.join("|")])));
    let bytes = written(vec![
        ("at", array(Int64Array::from(vec![0; rows]))),
        ("cpu", array(Int64Array::from(vec![1; rows]))),
        ("memory", array(StringArray::from(vec!["1Gi"; rows]))),
        ("gpu_units", array(Int64Array::from(vec![1; rows]))),
        ("gpu", array(gpu)),
    ]);
    assert!(bytes.len() < 100_000, "{}", bytes.len());
    let read = |memory: usize| {
        let room = Collected { memory: Memory::of(memory), ..Collected::default() };
        orders(bytes_file(&bytes), &Defaults::default(), room, &mut Err)
    };
    let error = read(16 << 20).unwrap_err().to_string();
    assert!(error.contains("of memory"), "{error}");
    // It stopped long before its end.
    let row: usize = error.split("row ").nth(1).unwrap().split(':').next().unwrap().parse().unwrap();
    assert!((10..1_000).contains(&row), "{error}");
}

#[test]
fn rows_that_repeat_a_text_are_handed_over_one_by_one() {
    let text = "x".repeat(1_000);
    let keys = arrow_array::Int32Array::from(vec![0; 3]);
    let column: DictionaryArray<Int32Type> = DictionaryArray::new(keys, array(StringArray::from(vec![text.clone()])));
    let bytes = written(vec![("a", array(column)), ("b", array(StringArray::from(vec![Some("1"), None, Some("")])))]);
    let mut seen = Vec::new();
    each_row(bytes_file(&bytes), &mut |names, cells| {
        assert_eq!(names, ["a", "b"]);
        seen.push(cells.iter().map(|cell| cell.as_deref().map(str::to_owned)).collect::<Vec<_>>());
        Ok(())
    })
    .unwrap();
    let text = Some(text);
    let expected =
        [vec![text.clone(), Some("1".to_owned())], vec![text.clone(), None], vec![text, Some(String::new())]];
    assert_eq!(seen, expected);
    let stopped = each_row(bytes_file(&bytes), &mut |_, _| Err(InputError::new("enough")));
    assert_eq!(stopped.unwrap_err().to_string(), "enough");
}
