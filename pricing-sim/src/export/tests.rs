//! Tests of files of rows.

use std::fs;
use std::path::Path;

use rust_decimal::Decimal;

use super::{Column, ExportError, Kind, RowsFile, Value};

fn columns() -> Vec<Column> {
    vec![Column::new("count", Kind::Integer), Column::new("text", Kind::Text), Column::new("usd", Kind::Decimal(12))]
}

fn decimal(text: &str) -> Value<'static> {
    Value::Decimal(Decimal::from_str_exact(text).unwrap())
}

fn write(path: &Path) {
    let mut file = RowsFile::create(path, columns()).unwrap();
    file.write(&[Value::Integer(-1), Value::Text("a, \"b\""), decimal("0.10")]).unwrap();
    file.write(&[Value::Missing, Value::Missing, Value::Missing]).unwrap();
    file.finish().unwrap();
}

#[test]
fn csv_and_json_lines_keep_every_digit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    write(&path);
    assert_eq!(fs::read_to_string(&path).unwrap(), "count,text,usd\n-1,\"a, \"\"b\"\"\",0.10\n,,\n");
    let path = folder.path().join("rows.JSONL");
    write(&path);
    let expected =
        "{\"count\":-1,\"text\":\"a, \\\"b\\\"\",\"usd\":\"0.10\"}\n{\"count\":null,\"text\":null,\"usd\":null}\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_number_that_does_not_fit_its_column_is_refused_rather_than_rounded() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["rows.csv", "rows.jsonl", "rows.parquet"] {
        let path = folder.path().join(name);
        let mut file = RowsFile::create(&path, columns()).unwrap();
        let error = file.write(&[Value::Integer(1), Value::Text(""), decimal("0.0000000000001")]).unwrap_err();
        assert!(error.to_string().contains("`0.0000000000001` does not fit column `usd`"), "{name}: {error}");
        drop(file);
        assert!(!path.exists(), "{name}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_is_not_finished_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    fs::write(&path, "before").unwrap();
    drop(RowsFile::create(&path, columns()).unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), "before");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn names_that_say_no_format_and_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| RowsFile::create(path, columns()).unwrap_err();
    assert!(matches!(error(&folder.path().join("rows.txt")), ExportError::Ending));
    assert!(matches!(error(&folder.path().join("missing/rows.csv")), ExportError::Write(_)));
    let inner = folder.path().join("rows.csv");
    fs::create_dir(&inner).unwrap();
    assert!(error(&inner).to_string().contains("folder"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_device_is_neither_written_to_nor_replaced() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    for name in ["rows.csv", "rows.jsonl", "rows.parquet"] {
        let path = folder.path().join(name);
        symlink("/dev/null", &path).unwrap();
        let error = RowsFile::create(&path, columns()).unwrap_err();
        assert!(error.to_string().contains("it is a device, not a plain file"), "{name}: {error}");
    }
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}
