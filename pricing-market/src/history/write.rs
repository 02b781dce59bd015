//! Writes a history's folder. Each of its files appears whole, or not at all.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use pricing_core::money::UsdPerAkt;
use pricing_files::{FileError, Output, write_whole};

use super::{HistoryError, HistoryOrder, MANIFEST_FILE, Manifest, ORDERS_FILE, SCHEMA, shown};
#[cfg(feature = "parquet")]
use super::{PARQUET_FILE, parquet::ParquetWriter};
use crate::chain::join::{Summary, join};
use crate::chain::records::Records;

/// Joins what was read of a provider's market, and writes it as a history.
///
/// # Errors
/// When a file cannot be written.
pub fn write(
    folder: &Path,
    provider: &str,
    records: &Records,
    usd_per_akt: Option<UsdPerAkt>,
) -> Result<Summary, HistoryError> {
    let mut writer = HistoryWriter::create(folder)?;
    let mut own_bids: u64 = 0;
    let summary = join(records, usd_per_akt, |order| {
        if order.bids.iter().any(|bid| bid.provider == provider) {
            own_bids = own_bids.saturating_add(1);
        }
        writer.write(&order)
    })?;
    let relative_times = summary.relative_times;
    writer.finish(&Manifest { schema: SCHEMA, provider: provider.to_owned(), relative_times })?;
    Ok(Summary { own_bids, ..summary })
}

/// Writes the orders of a history, one after another.
#[derive(Debug)]
pub struct HistoryWriter {
    folder: PathBuf,
    lines: BufWriter<Output>,
    #[cfg(feature = "parquet")]
    rows: ParquetWriter,
}

impl HistoryWriter {
    /// Begins a history in a folder, which is made if it is not there. What the folder has stays until
    /// [`HistoryWriter::finish`].
    ///
    /// # Errors
    /// When a file cannot be made there.
    pub fn create(folder: &Path) -> Result<Self, HistoryError> {
        std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, error.into()))?;
        let create = |name: &str| {
            let path = folder.join(name);
            Output::create(&path).map_err(|error| unwritable(&path, error))
        };
        Ok(Self {
            folder: folder.to_owned(),
            lines: BufWriter::new(create(ORDERS_FILE)?),
            #[cfg(feature = "parquet")]
            rows: ParquetWriter::new(create(PARQUET_FILE)?)
                .map_err(|error| unwritable(&folder.join(PARQUET_FILE), error.into()))?,
        })
    }

    /// Adds an order. The caller adds them by height and then by order id.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, order: &HistoryOrder) -> Result<(), HistoryError> {
        let line = serde_json::to_writer(&mut self.lines, order).map_err(io::Error::from);
        let line = line.and_then(|()| self.lines.write_all(b"\n"));
        line.map_err(|error| unwritable(&self.folder.join(ORDERS_FILE), error.into()))?;
        #[cfg(feature = "parquet")]
        self.rows.write(order).map_err(|error| unwritable(&self.folder.join(PARQUET_FILE), error.into()))?;
        Ok(())
    }

    /// Puts the files in their places, the manifest last.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn finish(mut self, manifest: &Manifest) -> Result<(), HistoryError> {
        let lines = self.lines.flush().and_then(|()| self.lines.get_mut().commit());
        lines.map_err(|error| unwritable(&self.folder.join(ORDERS_FILE), error.into()))?;
        #[cfg(feature = "parquet")]
        self.rows.finish().map_err(|error| unwritable(&self.folder.join(PARQUET_FILE), error.into()))?;
        let path = self.folder.join(MANIFEST_FILE);
        let write = |out: &mut dyn io::Write| {
            serde_json::to_writer_pretty(&mut *out, manifest)?;
            out.write_all(b"\n")
        };
        write_whole(&path, write).map_err(|error| unwritable(&path, error))
    }
}

fn unwritable(path: &Path, error: FileError) -> HistoryError {
    HistoryError::Unwritable { file: shown(path), error }
}

#[cfg(test)]
mod tests {
    use super::super::{Coin, History, HistoryBid, HistoryLease};
    use super::*;
    use crate::chain::state::{BidState, OrderState};

    fn order() -> HistoryOrder {
        HistoryOrder {
            order_id: "akash1o/1/1/1".to_owned(),
            at: "2026-09-01T00:00:00.000Z".to_owned(),
            height: 7,
            order: Some(serde_json::value::RawValue::from_string("{\"name\":\"a\"}".to_owned()).unwrap()),
            max_price: Some(Coin { amount: "10".to_owned(), denom: "uact".to_owned() }),
            state: Some(OrderState::Active),
            bids: vec![HistoryBid {
                provider: "akash1p".to_owned(),
                price: "1.5".to_owned(),
                denom: "uact".to_owned(),
                usd_per_month: Some("0.6448635".to_owned()),
                won: true,
                at: Some("2026-09-01T00:00:30.000Z".to_owned()),
                height: Some(12),
                state: Some(BidState::Active),
            }],
            winner: Some("akash1p".to_owned()),
            lease: Some(HistoryLease {
                from: "2026-09-01T00:01:00.000Z".to_owned(),
                until: None,
                reason: None,
                from_height: Some(17),
                until_height: None,
            }),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let manifest = Manifest { schema: 1, provider: "akash1p".to_owned(), relative_times: false };
        let mut writer = HistoryWriter::create(&path).unwrap();
        writer.write(&order()).unwrap();
        writer.write(&HistoryOrder { order: None, max_price: None, winner: None, lease: None, ..order() }).unwrap();
        assert!(!path.join(ORDERS_FILE).exists());
        writer.finish(&manifest).unwrap();
        let history = History::read(&path).unwrap();
        assert_eq!(history.manifest, manifest);
        let json = |order: &HistoryOrder| serde_json::to_string(order).unwrap();
        assert_eq!(json(&history.orders[0]), json(&order()));
        assert!(history.orders[1].lease.is_none());
        let names = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(names.into_iter().all(|name| !name.starts_with('.')));
    }

    #[test]
    fn an_unfinished_history_leaves_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(ORDERS_FILE), "old\n").unwrap();
        HistoryWriter::create(folder.path()).unwrap().write(&order()).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join(ORDERS_FILE)).unwrap(), "old\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
