//! Turns a file into something that can be instantiated: from the cache, or by inspection and compilation.
//!
//! The cache keeps a file's verdict and, if it was accepted, the machine code, in one entry under the file's digest. A
//! known file needs neither a parser nor a child process. A rejection for what the file is holds forever. A rejection
//! that depends on time or memory limits, or on a failure of the compiler, holds for a while: a malicious file is not
//! tried at every start, but a narrow miss is not forever. A failure of the machine is not cached.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

use crate::cache::{Cache, CacheKey, CacheWarning};
use crate::compile::{Compiler, Examination, Wanted};
use crate::inspect::{Digest, Inspection, Kind, passed_on};
use crate::verdict::Holds;
use crate::{Fault, SizeClass};

/// How long a rejection is cached that could turn out differently.
const A_WHILE: Duration = Duration::from_secs(10 * 60);

/// A compiled plugin.
#[derive(Clone, Debug)]
pub enum Compiled {
    /// For a [`Kind::Component`].
    Component(Component),
    /// For a [`Kind::Command`].
    Module(Module),
}

/// Where a compiled plugin came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From the cache.
    Cache,
    /// It was just compiled. The warning says why it was not cached.
    Compiled(Option<CacheWarning>),
}

/// A plugin that was loaded.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The inspection of its file.
    pub inspection: Inspection,
    /// Its code.
    pub compiled: Compiled,
    /// Where the code came from.
    pub origin: Origin,
}

/// Loads plugins.
#[derive(Clone, Copy, Debug)]
pub struct Loader<'a> {
    /// The engine that will run them.
    pub engine: &'a Engine,
    /// Their size class.
    pub class: SizeClass,
    /// Inspects and compiles unknown files.
    pub compiler: &'a Compiler,
    /// The cache, if there is one.
    pub cache: Option<&'a Cache>,
}

impl Loader<'_> {
    /// Loads a file from the cache or, if it is not there, inspects, compiles and caches it.
    ///
    /// # Errors
    /// [`ReasonCode::LoadRejected`](pricing_core::quote::ReasonCode::LoadRejected) if it is not a plugin that may run
    /// here, does not compile within the limits of its class, or needs more than the engine's pool has.
    pub fn load(&self, file: &[u8]) -> Result<Loaded, Fault> {
        let digest = Digest::of(file);
        self.remembered(&digest).unwrap_or_else(|| self.load_anew(file, &digest))
    }

    /// The cached result for a file. None if there is none.
    pub(crate) fn remembered(&self, file: &Digest) -> Option<Result<Loaded, Fault>> {
        let cache = self.cache?;
        let entry = cache.get(&self.key(file))?;
        let (kept, artefact) = unpack(&entry)?;
        match kept {
            CachedResult::Plugin(inspection) => {
                // An entry that verifies but cannot be deserialised is replaced.
                let compiled = deserialize(self.engine, inspection.kind, artefact).ok()?;
                Some(Ok(Loaded { inspection: *inspection, compiled, origin: Origin::Cache }))
            }
            CachedResult::Refused { message, until } => {
                is_in_force(until, now()).then(|| Err(Fault::rejected(message)))
            }
        }
    }

    /// Inspects and compiles a file, and caches the result.
    pub(crate) fn load_anew(&self, file: &[u8], digest: &Digest) -> Result<Loaded, Fault> {
        let examined = self.compiler.examine(file, Wanted::artefact(self.class));
        let loaded = self.link(&examined);
        if let Some(cache) = self.cache
            && let Some(entry) = entry(&examined, loaded.is_ok(), now())
        {
            let warning = cache.put(&self.key(digest), &entry).err();
            return loaded.map(|loaded| Loaded { origin: Origin::Compiled(warning), ..loaded });
        }
        loaded
    }

    /// Links a compiled file.
    ///
    /// # Errors
    /// When the file was rejected, did not compile, or needs more than the engine's pool has.
    pub(crate) fn link(&self, examined: &Examination) -> Result<Loaded, Fault> {
        let (inspection, artefact) = examined.compiled().map_err(|refusal| Fault::from(refusal.clone()))?;
        let compiled = deserialize(self.engine, inspection.kind, artefact).map_err(|error| {
            Fault::rejected(format!("the plugin cannot be run here: {}", passed_on(&format!("{error:#}"))))
        })?;
        Ok(Loaded { inspection: inspection.clone(), compiled, origin: Origin::Compiled(None) })
    }

    fn key(&self, file: &Digest) -> CacheKey {
        CacheKey::new(file, self.engine, self.class)
    }
}

/// The cached result for a file, which precedes its machine code.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CachedResult {
    Plugin(Box<Inspection>),
    Refused {
        message: String,
        /// Seconds since 1970. None means forever.
        until: Option<u64>,
    },
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs())
}

/// Whether a rejection still holds. The clock may have been set back in the meantime, so a rejection that would hold
/// for longer than any rejection does is void.
fn is_in_force(until: Option<u64>, now: u64) -> bool {
    until.is_none_or(|until| now < until && until.saturating_sub(now) <= A_WHILE.as_secs())
}

/// The entry for an examined file. None if it is not to be cached.
fn entry(examined: &Examination, is_loaded: bool, now: u64) -> Option<Vec<u8>> {
    match examined.compiled() {
        Ok((inspection, artefact)) => {
            // A plugin for which the pool has no room is rejected again each time: that is cheap, and depends on this
            // program alone.
            is_loaded.then(|| pack(&CachedResult::Plugin(Box::new(inspection.clone())), artefact))?
        }
        Err(refusal) => {
            let until = match refusal.holds() {
                Holds::ForGood => None,
                Holds::AWhile => Some(now.saturating_add(A_WHILE.as_secs())),
                Holds::Once => return None,
            };
            pack(&CachedResult::Refused { message: Fault::from(refusal.clone()).message, until }, &[])
        }
    }
}

fn pack(kept: &CachedResult, artefact: &[u8]) -> Option<Vec<u8>> {
    let head = serde_json::to_vec(kept).ok()?;
    let length = u32::try_from(head.len()).ok()?.to_le_bytes();
    Some([&length[..], &head, artefact].concat())
}

fn unpack(entry: &[u8]) -> Option<(CachedResult, &[u8])> {
    let (length, rest) = entry.split_first_chunk::<4>()?;
    let (head, artefact) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some((serde_json::from_slice(head).ok()?, artefact))
}

#[expect(
    unsafe_code,
    reason = "the bytes come from our compiler, or from a cache entry with a keyed digest that verified"
)]
fn deserialize(engine: &Engine, kind: Kind, artefact: &[u8]) -> wasmtime::Result<Compiled> {
    // SAFETY: The bytes were returned by `Engine::precompile_*` in a process of this program. The cache only returns
    // entries that carry an HMAC with a key that only this user can read.
    unsafe {
        match kind {
            Kind::Component => Component::deserialize(engine, artefact).map(Compiled::Component),
            Kind::Command => Module::deserialize(engine, artefact).map(Compiled::Module),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_hold_for_as_long_as_they_say() {
        assert!(is_in_force(None, 0) && is_in_force(None, u64::MAX));
        let until = Some(1_000_600);
        for (now, holds) in [(1_000_000, true), (1_000_599, true), (1_000_600, false), (u64::MAX, false)] {
            assert_eq!(is_in_force(until, now), holds, "{now}");
        }
        // A clock that was set back does not prolong it.
        assert!(!is_in_force(until, 999_999) && !is_in_force(until, 0));
    }

    #[test]
    fn entries_are_read_as_they_were_written() {
        let refused = || CachedResult::Refused { message: "no".to_owned(), until: Some(7) };
        let entry = pack(&refused(), b"code").unwrap();
        let (kept, artefact) = unpack(&entry).unwrap();
        assert!(matches!(kept, CachedResult::Refused { message, until: Some(7) } if message == "no"));
        assert_eq!(artefact, b"code");
        for length in 0..entry.len() - artefact.len() {
            assert!(unpack(&entry[..length]).is_none(), "{length}");
        }
        assert!(unpack(&[0xff; 40]).is_none() && unpack(b"no artefact").is_none());
    }
}
