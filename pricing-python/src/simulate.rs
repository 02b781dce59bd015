//! Simulations: a scenario in, the answer of `bidprice simulate --output json` out.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pricing_sim::files::Files;
use pricing_sim::result::RunResult;
use pricing_sim::scenario::{self, ScenarioError};
use pricing_sim::sweep::{Executor, Progress, Sweep};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::host::PythonHost;
