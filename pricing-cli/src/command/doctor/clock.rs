//! This system's clock, beside the times of day that came with the answers to other checks.

use std::time::Duration;

use pricing_engine::clock::{ClockReading, ClockSkew, ClockSource, FORGIVEN};

use super::checkup::{Checkup, Group};

/// How to set the clock.
const SET: &str = "set the clock: `timedatectl set-ntp true`, or `chronyc makestep`";

/// Adds a check for each reading.
///
/// A server's clock may be wrong, too, and a node may lag. So a difference is a problem of this clock only if no server
/// agrees with it.
pub(super) fn check(readings: Vec<&ClockReading>, checkup: &mut Checkup) {
    let agrees = |reading: &&ClockReading| reading.source == ClockSource::Server && !reading.is_wrong();
    let agreed = readings.iter().any(agrees);
    if readings.is_empty() {
        checkup.ok(Group::Clock, "clock", "not compared: nobody who was asked tells the time");
    }
    for reading in readings {
        let subject = match reading.source {
            ClockSource::Server => format!("{}, by the answer's date", reading.teller),
            ClockSource::Block => format!("{}, by its newest block", reading.teller),
        };
        let found = words(reading);
        let is_block_ago = reading.source == ClockSource::Block && matches!(reading.skew(), ClockSkew::Ahead(_));
        if !reading.is_wrong() {
            checkup.ok(Group::Clock, subject, found);
        } else if is_block_ago {
            let remedy = format!("if other nodes have newer blocks, name another node; otherwise {SET}");
            checkup.warn(Group::Clock, subject, found, remedy);
        } else if agreed {
            checkup.warn(Group::Clock, subject, found, "other answers agree with this clock: theirs is wrong");
        } else {
            let limit = humantime::format_duration(FORGIVEN);
            checkup.problem(Group::Clock, subject, format!("{found}, and more than {limit} makes ages wrong"), SET);
        }
    }
}

fn words(reading: &ClockReading) -> String {
    let whole = |skew: Duration| humantime::format_duration(Duration::from_secs(skew.as_secs())).to_string();
    match (reading.source, reading.skew()) {
        (ClockSource::Block, ClockSkew::Ahead(age)) => {
            format!("the block is {} old by this system's clock", whole(age))
        }
        (ClockSource::Server, ClockSkew::Ahead(skew)) => format!("this system's clock is {} ahead", whole(skew)),
        (_, ClockSkew::Behind(skew)) => format!("this system's clock is {} behind", whole(skew)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::error::Exit;

    /// Readings by source, and by the seconds that this clock is ahead.
    fn checked(readings: &[(ClockSource, i64)]) -> Checkup {
        let here = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_126_400);
        let reading = |(source, ahead): &(ClockSource, i64)| {
            let skew = Duration::from_secs(ahead.unsigned_abs());
            let told = if *ahead < 0 { here + skew } else { here - skew };
            ClockReading { teller: "node".to_owned(), source: *source, told, here }
        };
        let readings: Vec<ClockReading> = readings.iter().map(reading).collect();
        let mut checkup = Checkup::default();
        check(readings.iter().collect(), &mut checkup);
        checkup
    }

    #[test]
    fn a_clock_is_wrong_that_no_server_agrees_with() {
        use ClockSource::{Block, Server};
        for (readings, exit, words) in [
            (&[][..], Exit::Success, "ok       clock: not compared"),
            (&[(Server, 1)], Exit::Success, "ok       node, by the answer's date: this system's clock is 1s ahead"),
            (&[(Server, 300)], Exit::Decline, "problem  node, by the answer's date: this system's clock is 5m ahead"),
            (
                &[(Server, -300)],
                Exit::Decline,
                "this system's clock is 5m behind, and more than 2m makes ages wrong; set",
            ),
            (&[(Server, -300), (Server, 0)], Exit::Success, "warning  node, by the answer's date"),
            (&[(Block, 6)], Exit::Success, "ok       node, by its newest block: the block is 6s old"),
            (&[(Block, 300)], Exit::Success, "warning  node, by its newest block: the block is 5m old"),
            (&[(Block, -300)], Exit::Decline, "problem  node, by its newest block: this system's clock is 5m behind"),
        ] {
            let checkup = checked(readings);
            assert_eq!(checkup.exit(), exit, "{readings:?}");
            assert!(checkup.shown().contains(words), "{readings:?}: {}", checkup.shown());
        }
    }
}
