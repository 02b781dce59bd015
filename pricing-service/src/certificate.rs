//! Reads when the service's own certificate is valid.
//!
//! The times come from rustls, which does not expose them directly. Its verifier reports that a time is too early or
//! too late for a certificate, and names the limit. So this agrees with what callers find out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::verify_server_cert_signed_by_trust_anchor as verify;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

/// The seconds since 1970 between which every certificate of a chain is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    from: u64,
    until: u64,
}

const DAY: f64 = 86_400.0;

/// The last second that can be written as a date, at the end of the year 9999. Certificates cannot last longer.
const LAST: u64 = 253_402_300_799;

impl Validity {
    /// Returns the time in which all certificates of a chain are valid.
    ///
    /// # Errors
    /// When one of its certificates is malformed.
    pub(crate) fn of(chain: &[CertificateDer<'_>]) -> Result<Self, String> {
        let mut all = Self { from: 0, until: LAST };
        for (place, certificate) in chain.iter().enumerate() {
            let one = Self::of_one(certificate).map_err(|error| {
                format!("the certificate number {} in it is malformed: {error}", place.saturating_add(1))
            })?;
            all = Self { from: all.from.max(one.from), until: all.until.min(one.until) };
        }
        Ok(all)
    }

    fn of_one(certificate: &CertificateDer<'_>) -> Result<Self, Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        // The verifier checks the times before it looks for the issuer, which is never in an empty list.
        let (nobody, algorithms) = (RootCertStore::empty(), ring::default_provider().signature_verification_algorithms);
        let refused_at = |seconds| {
            let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            verify(&parsed, &nobody, &[], time, algorithms.all).err()
        };
        let from = match refused_at(0) {
            Some(Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) => {
                not_before.as_secs()
            }
            _ => 0,
        };
        match refused_at(u64::MAX) {
            Some(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
                Ok(Self { from: from.min(LAST), until: not_after.as_secs().min(LAST) })
            }
            Some(error) => Err(error),
            None => Err(Error::General("it has no end".to_owned())),
        }
    }

    /// Returns the days until it expires. They are negative once it has expired.
    pub(crate) fn days_left(self) -> f64 {
        self.days_left_at(SystemTime::now())
    }

    fn days_left_at(self, now: SystemTime) -> f64 {
        match time(self.until).duration_since(now) {
            Ok(left) => left.as_secs_f64() / DAY,
            Err(over) => -over.duration().as_secs_f64() / DAY,
        }
    }

    /// Returns why callers refuse the certificate now, or `None` if they accept it.
    pub(crate) fn problem(self) -> Option<String> {
        self.problem_at(SystemTime::now())
    }

    fn problem_at(self, now: SystemTime) -> Option<String> {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        if now < self.from {
            return Some(format!("the certificate is not valid before {}; is the clock right?", self.from()));
        }
        (now > self.until).then(|| format!("the certificate expired on {}; renew it and restart", self.until()))
    }

    /// Returns from when it is valid.
    pub(crate) fn from(self) -> String {
        date(self.from)
    }

    /// Returns until when it is valid.
    pub(crate) fn until(self) -> String {
        date(self.until)
    }
}

fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(UNIX_EPOCH)
}

fn date(seconds: u64) -> String {
    humantime::format_rfc3339_seconds(time(seconds)).to_string()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(from: i32, until: i32) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    fn at(text: &str) -> SystemTime {
        humantime::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn a_chain_is_valid_while_all_of_it_is() {
        let chain = [certificate(2020, 2040), certificate(2030, 2050)];
        let validity = Validity::of(&chain).unwrap();
        assert_eq!((validity.from(), validity.until()), ("2030-01-01T00:00:00Z".into(), "2040-01-01T00:00:00Z".into()));
        assert!(validity.problem_at(at("2029-12-31T23:59:59Z")).unwrap().contains("not valid before 2030-01-01"));
        assert_eq!(validity.problem_at(at("2035-01-01T00:00:00Z")), None);
        assert!(validity.problem_at(at("2040-01-02T00:00:00Z")).unwrap().contains("expired on 2040-01-01"));
    }

    #[test]
    fn the_days_left_become_negative() {
        let validity = Validity::of(&[certificate(2020, 2030)]).unwrap();
        let days = ["2029-12-31T12:00:00Z", "2030-01-01T00:00:00Z", "2030-01-11T00:00:00Z"];
        assert_eq!(days.map(|day| validity.days_left_at(at(day)).to_string()), ["0.5", "0", "-10"]);
    }

    #[test]
    fn what_is_malformed_is_named_by_its_place() {
        let chain = [certificate(2020, 2040), CertificateDer::from(vec![0x30, 0x03, 0x02, 0x01])];
        let error = Validity::of(&chain).unwrap_err();
        assert!(error.starts_with("the certificate number 2 in it is malformed: "), "{error}");
    }

    #[test]
    fn the_first_and_the_last_day_are_no_trouble() {
        let validity = Validity::of(&[certificate(1970, 9999)]).unwrap();
        assert_eq!((validity.from(), validity.until()), ("1970-01-01T00:00:00Z".into(), "9999-01-01T00:00:00Z".into()));
        assert_eq!(validity.problem_at(at("2030-01-01T00:00:00Z")), None);
    }
}
