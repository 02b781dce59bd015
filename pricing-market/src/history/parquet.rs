//! The orders as Parquet: nested bids are a list of structs, and the order is its JSON text.

use std::fmt;
use std::io;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder as _, BooleanBuilder, Int64Builder, ListBuilder, StringBuilder, StructBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use pricing_files::Output;

use super::{Coin, HistoryBid, HistoryLease, HistoryOrder};
use crate::chain::state::{BidState, OrderState};

/// Rows per record batch.
const BATCH: usize = 4 << 10;
/// Rows per row group, which are held in memory.
const GROUP: usize = 64 << 10;

/// The writer of a Parquet file.
pub(super) struct ParquetWriter {
    writer: ArrowWriter<Output>,
    schema: Arc<Schema>,
    columns: Columns,
}

impl fmt::Debug for ParquetWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetWriter").finish_non_exhaustive()
    }
}

impl ParquetWriter {
    pub(super) fn new(output: Output) -> io::Result<Self> {
        let schema = Arc::new(Schema::new(fields()));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP))
            .set_created_by("bidprice".to_owned())
            .build();
        let writer = ArrowWriter::try_new(output, Arc::clone(&schema), Some(properties)).map_err(failed)?;
        Ok(Self { writer, schema, columns: Columns::new() })
    }

    pub(super) fn write(&mut self, order: &HistoryOrder) -> io::Result<()> {
        self.columns.add(order)?;
        if self.columns.order_id.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.flush()?;
        self.writer.finish().map_err(failed)?;
        self.writer.inner_mut().commit()
    }

    fn flush(&mut self) -> io::Result<()> {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), self.columns.finish()).map_err(io::Error::other)?;
        self.writer.write(&batch).map_err(failed)
    }
}

/// I/O errors are passed on unchanged.
fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(source) => io::Error::other(source),
        },
        error => io::Error::other(error),
    }
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn coin() -> Fields {
    Fields::from(vec![text("amount"), text("denom")])
}

fn bid() -> Fields {
    let won = Field::new("won", DataType::Boolean, true);
    let height = Field::new("height", DataType::Int64, true);
    let texts = ["provider", "price", "denom", "usd_per_month"].map(text);
    Fields::from_iter(texts.into_iter().chain([won, text("at"), height, text("state")]))
}

fn lease() -> Fields {
    let height = |name| Field::new(name, DataType::Int64, true);
    Fields::from(vec![text("from"), text("until"), text("reason"), height("from_height"), height("until_height")])
}

fn bid_item() -> Field {
    Field::new("item", DataType::Struct(bid()), true)
}

fn fields() -> Vec<Field> {
    vec![
        text("order_id"),
        text("at"),
        Field::new("height", DataType::Int64, true),
        text("order"),
        Field::new("max_price", DataType::Struct(coin()), true),
        Field::new("bids", DataType::List(Arc::new(bid_item())), true),
        text("winner"),
        Field::new("lease", DataType::Struct(lease()), true),
        text("state"),
    ]
}

struct Columns {
    order_id: StringBuilder,
    at: StringBuilder,
    height: Int64Builder,
    order: StringBuilder,
    max_price: StructBuilder,
    bids: ListBuilder<StructBuilder>,
    winner: StringBuilder,
    lease: StructBuilder,
    state: StringBuilder,
}

impl Columns {
    fn new() -> Self {
        Self {
            order_id: StringBuilder::new(),
            at: StringBuilder::new(),
            height: Int64Builder::new(),
            order: StringBuilder::new(),
            max_price: StructBuilder::from_fields(coin(), 0),
            bids: ListBuilder::new(StructBuilder::from_fields(bid(), 0)).with_field(bid_item()),
            winner: StringBuilder::new(),
            lease: StructBuilder::from_fields(lease(), 0),
            state: StringBuilder::new(),
        }
    }

    fn add(&mut self, order: &HistoryOrder) -> io::Result<()> {
        self.order_id.append_value(&order.order_id);
        self.at.append_value(&order.at);
        self.height.append_value(i64::try_from(order.height).map_err(io::Error::other)?);
        self.order.append_option(order.order.as_ref().map(|order| order.get()));
        add_coin(&mut self.max_price, order.max_price.as_ref())?;
        order.bids.iter().try_for_each(|bid| add_bid(self.bids.values(), bid))?;
        self.bids.append(true);
        self.winner.append_option(order.winner.as_ref());
        self.state.append_option(order.state.map(OrderState::name));
        add_lease(&mut self.lease, order.lease.as_ref())
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.order_id.finish()),
            Arc::new(self.at.finish()),
            Arc::new(self.height.finish()),
            Arc::new(self.order.finish()),
            Arc::new(self.max_price.finish()),
            Arc::new(self.bids.finish()),
            Arc::new(self.winner.finish()),
            Arc::new(self.lease.finish()),
            Arc::new(self.state.finish()),
        ]
    }
}

fn add_coin(column: &mut StructBuilder, coin: Option<&Coin>) -> io::Result<()> {
    add_texts(column, 0, &[coin.map(|coin| &*coin.amount), coin.map(|coin| &*coin.denom)])?;
    column.append(coin.is_some());
    Ok(())
}

fn add_lease(column: &mut StructBuilder, lease: Option<&HistoryLease>) -> io::Result<()> {
    let texts = [
        lease.map(|lease| &*lease.from),
        lease.and_then(|lease| lease.until.as_deref()),
        lease.and_then(|lease| lease.reason.as_deref()),
    ];
    add_texts(column, 0, &texts)?;
    add_height(column, 3, lease.and_then(|lease| lease.from_height))?;
    add_height(column, 4, lease.and_then(|lease| lease.until_height))?;
    column.append(lease.is_some());
    Ok(())
}

fn add_bid(column: &mut StructBuilder, bid: &HistoryBid) -> io::Result<()> {
    let texts = [Some(&*bid.provider), Some(&*bid.price), Some(&*bid.denom), bid.usd_per_month.as_deref()];
    add_texts(column, 0, &texts)?;
    let won = column.field_builder::<BooleanBuilder>(texts.len()).ok_or_else(|| io::Error::other("no column `won`"))?;
    won.append_value(bid.won);
    add_texts(column, 5, &[bid.at.as_deref()])?;
    add_height(column, 6, bid.height)?;
    add_texts(column, 7, &[bid.state.map(BidState::name)])?;
    column.append(true);
    Ok(())
}

/// Adds texts to the fields of a struct from a place on.
fn add_texts(column: &mut StructBuilder, from: usize, texts: &[Option<&str>]) -> io::Result<()> {
    for (place, text) in (from..).zip(texts) {
        let field = column.field_builder::<StringBuilder>(place);
        field.ok_or_else(|| io::Error::other("a column does not hold texts"))?.append_option(*text);
    }
    Ok(())
}

fn add_height(column: &mut StructBuilder, place: usize, height: Option<u64>) -> io::Result<()> {
    let height = height.map(i64::try_from).transpose().map_err(io::Error::other)?;
    let field = column.field_builder::<Int64Builder>(place);
    field.ok_or_else(|| io::Error::other("a column does not hold heights"))?.append_option(height);
    Ok(())
}
