//! Exports the orders of a stream as a file that `[orders]` of a scenario reads back to the same orders.

use std::path::Path;

use pricing_core::money::Price;
use pricing_core::order::{Order, OrderFormat, group_spec, script_request};

use super::{Column, ExportError, Kind, PRICE, RowsFile, Value};
use crate::stream::{Arrival, Stream};
use crate::summary::Seconds;

/// Times in seconds, to the millisecond.
const SECONDS: Kind = Kind::Decimal(3);

/// A file of orders.
#[derive(Debug)]
pub struct OrdersFile(RowsFile);

impl OrdersFile {
    /// Creates a file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: &Path) -> Result<Self, ExportError> {
        let columns = [
            ("id", Kind::Text),
            ("at", SECONDS),
            ("until", SECONDS),
            ("owner", Kind::Text),
            ("order", Kind::Text),
            ("max_price", PRICE),
            ("denom", Kind::Text),
        ];
        RowsFile::create(path, columns.map(|(name, kind)| Column::new(name, kind)).into()).map(Self)
    }

    /// Writes the orders of a stream and completes the file.
    ///
    /// # Errors
    /// When any of it cannot be written. In that case no file is left.
    pub fn write(mut self, stream: &Stream) -> Result<(), ExportError> {
        stream.arrivals.iter().try_for_each(|arrival| self.row(arrival))?;
        self.0.finish()
    }

    fn row(&mut self, arrival: &Arrival) -> Result<(), ExportError> {
        let text = text(&arrival.order);
        let price = arrival.order.max_price.as_ref();
        let maximum = price.filter(|_| arrival.has_maximum).map(Price::amount);
        self.0.write(&[
            Value::Text(&arrival.id),
            Value::Decimal(Seconds(arrival.at).decimal()),
            Value::decimal(arrival.until.map(|until| Seconds(until).decimal())),
            arrival.owner.as_deref().map_or(Value::Missing, Value::Text),
            Value::Text(&text),
            Value::decimal(maximum),
            price.map_or(Value::Missing, |price| Value::Text(price.denom().as_str())),
        ])
    }
}

/// An order as text. The amounts of a script request are committed ones, so it stays a script request.
fn text(order: &Order) -> String {
    match order.format {
        OrderFormat::Script => script_request::to_json(order),
        OrderFormat::Sdl | OrderFormat::GroupSpec => group_spec::order_to_json(order).to_string(),
    }
}
