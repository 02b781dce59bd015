//! Quotes for Arrow record batches: one order per input row, one quote per output row.

use std::sync::Arc;

use arrow_array::builder::{Decimal128Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_pyarrow::PyArrowType;
use arrow_schema::{DataType, Field, Schema};
use pricing_core::address::Address;
use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::inventory::{self, Cluster};
use pricing_core::money::UsdPerAkt;
use pricing_core::quote::{GpuRule, Predict, Quote, QuoteRequest, Supply, Terms, quote};
use pricing_core::rates::{self, Pricing};
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_core::text::Untrusted;
use pricing_host::{Plugin, SizeClass};
use pricing_sim::result::cards_of;
use pricing_sim::strategy::plugin_settings;
use pricing_sim::stream::Arrival;
use pricing_sim::sweep::SimulationEnvironment;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rust_decimal::Decimal;

use crate::host::PythonHost;
use crate::rows;

/// Digits and decimals of bids per block.
const PRICE: (u8, i8) = (38, 18);
/// Digits and decimals of USD per month.
const USD: (u8, i8) = (38, 12);

/// What happens to rows that are not orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Malformed {
    Raise,
    Keep,
}

/// Prices orders by a rate card, and on an inventory if there is one.
#[pyclass(frozen)]
#[derive(Debug)]
pub(crate) struct Quoter {
    pricing: Pricing,
    cluster: Option<(Cluster, Utilisation)>,
    usd_per_akt: Option<UsdPerAkt>,
    owner: Option<String>,
    denom: String,
    gpu_rule: GpuRule,
    scheduler: Scheduler,
    prefer: Prefer,
    plugin: Option<Plugin>,
    malformed: Malformed,
}

#[pymethods]
impl Quoter {
    // Files are parsed here and not per batch, so that a bad file or keyword fails when the quoter is made.
    #[new]
    #[expect(clippy::too_many_arguments, reason = "they are the keywords of the Python class")]
    #[pyo3(signature = (*, rates, inventory, usd_per_akt, owner, denom, gpu, scheduler, prefer, plugin, malformed))]
    fn new(
        rates: Option<&str>,
        inventory: Option<&str>,
        usd_per_akt: Option<&str>,
        owner: Option<String>,
        denom: String,
        gpu: &str,
        scheduler: &str,
        prefer: &str,
        plugin: Option<&[u8]>,
        malformed: &str,
    ) -> PyResult<Self> {
        let pricing = rates.map_or_else(|| Ok(Pricing::default()), rates::toml::read);
        let pricing = pricing.map_err(|error| wrong("rates", error))?;
        if let Some(owner) = &owner {
            Address::parse(owner, &pricing.chain.address_prefix).map_err(|error| wrong("owner", error))?;
        }
        Ok(Self {
            pricing,
            cluster: inventory.map(cluster).transpose()?,
            usd_per_akt: usd_per_akt.map(usd).transpose()?,
            owner,
            denom,
            gpu_rule: one_of("gpu", gpu, GpuRule::words())?,
            scheduler: one_of("scheduler", scheduler, Scheduler::words())?,
            prefer: one_of("prefer", prefer, Prefer::words())?,
            plugin: plugin.map(load).transpose()?,
            malformed: one_of("malformed", malformed, [("raise", Malformed::Raise), ("keep", Malformed::Keep)])?,
        })
    }

    /// Returns the columns of the result.
    fn schema(&self) -> PyArrowType<Schema> {
        PyArrowType(schema())
    }

    /// Prices each row of a record batch.
    fn quote(&self, py: Python<'_>, batch: PyArrowType<RecordBatch>) -> PyResult<PyArrowType<RecordBatch>> {
        py.detach(|| self.quote_rows(&batch.0)).map(PyArrowType).map_err(PyValueError::new_err)
    }
}

impl Quoter {
    fn quote_rows(&self, batch: &RecordBatch) -> Result<RecordBatch, String> {
        let mut answers = Answers::default();
        rows::each(batch, &self.denom, |number, row| {
            match row {
                Ok(orders) => {
                    for arrival in &orders {
                        answers.quote(number, arrival, &self.price(arrival))?;
                    }
                }
                Err(error) if self.malformed == Malformed::Keep => answers.malformed(number, &error),
                Err(error) => return Err(error),
            }
            Ok(())
        })?;
        answers.finish()
    }

    fn price(&self, arrival: &Arrival) -> Quote {
        let owner = arrival.owner.as_deref().or(self.owner.as_deref()).map(Untrusted::new);
        // No column shows what each node lacks, or where pods start.
        let terms = Terms {
            owner,
            usd_per_akt: self.usd_per_akt,
            gpu_rule: self.gpu_rule,
            prefer: self.prefer,
            predict: if self.pricing.policy.needs_prediction() { Predict::Default } else { Predict::Never },
            running: None,
            budget: None,
            brief: true,
        };
        let supply = match &self.cluster {
            None => Supply::Unknown,
            Some((cluster, _)) => Supply::Reserve { cluster, scheduler: self.scheduler },
        };
        let utilisation = self.cluster.as_ref().map(|(_, utilisation)| utilisation);
        let request = QuoteRequest { order: &arrival.order, pricing: &self.pricing, supply, utilisation, terms };
        match &self.plugin {
            Some(plugin) => plugin.quote(&request),
            None => quote(&request),
        }
    }
}

fn wrong(what: &str, error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(format!("{what}: {error}"))
}

fn one_of<T: Copy>(what: &str, text: &str, choices: impl AsRef<[(&'static str, T)]>) -> PyResult<T> {
    let choices = choices.as_ref();
    let found = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
    found.ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        wrong(what, format_args!("`{text}` is not `{}`", names.join("` or `")))
    })
}

fn usd(text: &str) -> PyResult<UsdPerAkt> {
    text.parse().map_err(|error| wrong("usd_per_akt", error))
}

fn cluster(text: &str) -> PyResult<(Cluster, Utilisation)> {
    let snapshot = inventory::read::read(text).map_err(|error| wrong("inventory", error))?;
    let cluster = inventory::validate::validate(snapshot).cluster;
    let utilisation = Utilisation::of(&cluster);
    Ok((cluster, utilisation))
}

fn load(file: &[u8]) -> PyResult<Plugin> {
    let host = PythonHost.plugins().map_err(|error| wrong("plugin", error))?;
    host.load("plugin", file, plugin_settings(SizeClass::Standard, None)).map_err(|fault| wrong("plugin", fault))
}

fn schema() -> Schema {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let money = |name: &str, (digits, decimals)| Field::new(name, DataType::Decimal128(digits, decimals), true);
    Schema::new(vec![
        text("id", false),
        text("group", true),
        text("decision", false),
        text("reason", true),
        text("message", true),
        text("denom", true),
        money("price", PRICE),
        money("usd_per_month", USD),
        text("gpu", true),
    ])
}

/// The columns of the result, while they are being filled.
struct Answers {
    id: StringBuilder,
    group: StringBuilder,
    decision: StringBuilder,
    reason: StringBuilder,
    message: StringBuilder,
    denom: StringBuilder,
    price: Decimal128Builder,
    usd_per_month: Decimal128Builder,
    gpu: StringBuilder,
}

impl Default for Answers {
    fn default() -> Self {
        let money =
            |(digits, decimals)| Decimal128Builder::new().with_data_type(DataType::Decimal128(digits, decimals));
        Self {
            id: StringBuilder::new(),
            group: StringBuilder::new(),
            decision: StringBuilder::new(),
            reason: StringBuilder::new(),
            message: StringBuilder::new(),
            denom: StringBuilder::new(),
            price: money(PRICE),
            usd_per_month: money(USD),
            gpu: StringBuilder::new(),
        }
    }
}

impl Answers {
    fn quote(&mut self, row: usize, arrival: &Arrival, quote: &Quote) -> Result<(), String> {
        let reason = quote.reason();
        self.id.append_value(&arrival.id);
        self.group.append_value(quote.group.exact());
        self.decision.append_value(quote.decision_kind().name());
        self.reason.append_option(reason.map(|reason| reason.code.name()));
        self.message.append_option(reason.map(|reason| &reason.message));
        self.denom.append_option(quote.price().map(|price| price.denom().as_str()));
        let place = format!("row {row}");
        self.price.append_option(scaled(quote.price().map(pricing_core::money::Price::amount), PRICE, &place)?);
        self.usd_per_month.append_option(scaled(
            quote.usd_per_month.map(pricing_core::money::Usd::decimal),
            USD,
            &place,
        )?);
        let cards = cards_of(&quote.targets);
        self.gpu.append_option((!cards.is_empty()).then_some(cards));
        Ok(())
    }

    fn malformed(&mut self, row: usize, error: &str) {
        self.id.append_value(format!("row {row}"));
        self.decision.append_value("malformed");
        self.message.append_value(error);
        for text in [&mut self.group, &mut self.reason, &mut self.denom, &mut self.gpu] {
            text.append_null();
        }
        self.price.append_null();
        self.usd_per_month.append_null();
    }

    fn finish(mut self) -> Result<RecordBatch, String> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.group.finish()),
            Arc::new(self.decision.finish()),
            Arc::new(self.reason.finish()),
            Arc::new(self.message.finish()),
            Arc::new(self.denom.finish()),
            Arc::new(self.price.finish()),
            Arc::new(self.usd_per_month.finish()),
            Arc::new(self.gpu.finish()),
        ];
        RecordBatch::try_new(Arc::new(schema()), columns).map_err(|error| error.to_string())
    }
}

/// Converts a decimal to Arrow's integer representation, exactly or not at all.
fn scaled(value: Option<Decimal>, (_, decimals): (u8, i8), place: &str) -> Result<Option<i128>, String> {
    let Some(value) = value else { return Ok(None) };
    let more = u32::try_from(decimals).ok().and_then(|decimals| decimals.checked_sub(value.scale()));
    let factor = more.and_then(|more| 10_i128.checked_pow(more));
    let scaled = factor.and_then(|factor| value.mantissa().checked_mul(factor));
    scaled.map(Some).ok_or_else(|| format!("{place}: {value} does not fit a decimal with {decimals} decimals"))
}
