//! The socket, the running service, and the addresses.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use pricing_engine::config::Listen;
use pricing_engine::engine::check::Report;
use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use pricing_proto::bidprice::v1::{StatusRequest, StatusResponse};
use pricing_service::look::{AddressState, SocketAccess, SocketState};
use rustix::process::geteuid;

use super::checkup::{Checkup, Group};
use super::configuration::Reported;
use super::live::Live;
use crate::connect::{ServiceArgs, within};
use crate::wording::{count, number};

/// The most time for a service to answer.
const STATUS_TIME: Duration = Duration::from_secs(5);

/// Asks a service for its status, over its socket.
pub(super) fn status_of(socket: &Path) -> Result<StatusResponse, String> {
    let service = ServiceArgs { socket: socket.to_owned(), address: None };
    let asked = service.call(STATUS_TIME, async |channel| {
        Ok(PricingClient::new(channel).status(within(STATUS_TIME, StatusRequest {})).await?.into_inner())
    });
    asked.map_err(|error| error.to_string())
}

/// Adds the checks of the socket, of the service that answers there, and of the addresses.
pub(super) fn check(
    listen: &Listen,
    (live, report): (&Live, &Report),
    (file, reported): (&Path, &Reported),
    checkup: &mut Checkup,
) {
    match &live.socket {
        None => checkup.ok(Group::Socket, "`listen.socket`", "none, as configured: callers use `listen.tcp`"),
        Some(state) => {
            folder(&listen.socket, reported, checkup);
            socket(&listen.socket, state, file, checkup);
            if matches!(state, SocketState::Served(access) if access.may_call) {
                service(&listen.socket, report, checkup);
            }
        }
    }
    if live.addresses.is_empty() && reported.is_clean(Group::Addresses) {
        checkup.ok(Group::Addresses, "`listen`", "there is neither `tcp` nor `metrics`");
    }
    live.addresses.iter().for_each(|state| address(state, live.is_served(), checkup));
}

/// The owner and the mode of a file, for people.
pub(super) fn access_words(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    Some(format!("owner {}, mode {:o}", user(found.uid()), found.mode() & 0o7777))
}

/// A user, for people.
pub(super) fn user(uid: u32) -> String {
    if uid == 0 { "root".to_owned() } else { format!("user {uid}") }
}

fn folder(socket: &Path, reported: &Reported, checkup: &mut Checkup) {
    let Some(folder) = socket.parent().filter(|_| !reported.is_refused(Group::Socket)) else { return };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let found = access_words(folder).map_or_else(
        || "it is missing, and a start makes it (mode 700)".to_owned(),
        |access| format!("a folder, {access}"),
    );
    checkup.ok(Group::Socket, folder.display().to_string(), found);
}

fn socket(path: &Path, state: &SocketState, file: &Path, checkup: &mut Checkup) {
    let subject = path.display().to_string();
    let start = format!("`bidprice serve --config {}`", file.display());
    match state {
        SocketState::Absent => checkup.warn(
            Group::Socket,
            subject,
            "there is no socket: the service does not run",
            format!("start it, by {start} or its unit"),
        ),
        SocketState::Left => checkup.warn(
            Group::Socket,
            subject,
            "nobody listens: the service that made this socket was killed",
            format!("start it, by {start} or its unit, which replaces the file"),
        ),
        SocketState::Occupied(why) => {
            checkup.problem(Group::Socket, subject, why.clone(), "change `listen.socket` for another path");
        }
        SocketState::Unknown(why) => checkup.problem(
            Group::Socket,
            subject,
            format!("it cannot be examined: {why}"),
            "run this as the service's user, and look at the folders above it",
        ),
        SocketState::Served(access) => served(subject, *access, file, checkup),
    }
}

/// The socket of a service that runs: who may call.
fn served(subject: String, access: SocketAccess, file: &Path, checkup: &mut Checkup) {
    let SocketAccess { owner, mode, may_call } = access;
    let (here, service) = (geteuid().as_raw(), user(owner));
    let callers = if owner == 0 { "root alone may call".to_owned() } else { format!("{service} and root may call") };
    let found = format!("a service listens; owner {service}, mode {mode:o}: {callers}");
    let as_owner = format!("run `sudo -u '#{owner}' bidprice doctor --config {}`", file.display());
    if !may_call {
        checkup.problem(Group::Socket, subject, format!("{found}, and this is {}", user(here)), as_owner);
    } else if owner != here {
        let judged = format!("{found}; folders and files were judged for {}, not for the service", user(here));
        checkup.warn(Group::Socket, subject, judged, as_owner);
    } else {
        checkup.ok(Group::Socket, subject, found);
    }
}

fn service(socket: &Path, report: &Report, checkup: &mut Checkup) {
    let status = match status_of(socket) {
        Ok(status) => status,
        Err(why) => {
            return checkup.problem(
                Group::Service,
                socket.display().to_string(),
                why,
                "look at its log; restart it if it hangs",
            );
        }
    };
    let version = env!("CARGO_PKG_VERSION");
    let (running, up) = (&status.version, Duration::from_secs(status.uptime_seconds));
    if running == version {
        let found = format!("{running}, up for {}", humantime::format_duration(up));
        checkup.ok(Group::Service, "version", found);
    } else {
        let found = format!("the service is {running}, and this program is {version}");
        checkup.warn(Group::Service, "version", found, "restart the service to run the installed one");
    }
    parts(&status, report, checkup);
}

/// What the service's status says of its parts.
fn parts(status: &StatusResponse, report: &Report, checkup: &mut Checkup) {
    let mut warn = |subject: &str, found: &str, remedy: &str| checkup.warn(Group::Service, subject, found, remedy);
    let digest = status.rates.as_ref().map(|rates| rates.digest.as_str());
    if let Some(reload) = &status.reload {
        match &reload.pending {
            Some(pending) if !pending.command.is_empty() => {
                let changes = count(number(pending.changes.len()), "change");
                let found = format!("a new configuration waits to be accepted, with {changes}");
                warn("reload", &found, &format!("look at `bidprice status`, then `{}`", pending.command));
            }
            Some(_) => warn("reload", "the files change and have not stayed as they are", "stop what rewrites them"),
            None => {
                if let Some(problem) = &reload.problem {
                    warn("reload", problem, "mend the configuration, then `bidprice reload`");
                }
                if digest != report.rates_digest.as_deref() && report.rates_digest.is_some() {
                    let found =
                        format!("it prices with the rates {}, which are not those of the files", digest.unwrap_or("-"));
                    warn("rates", &found, "`bidprice reload`");
                }
            }
        }
        if let Some(problem) = &reload.state_problem {
            warn("reload.state", problem, "let the service write the file");
        }
    }
    for (subject, plugin) in [
        ("plugin", &status.plugin),
        ("shadow plugin", &status.shadow.as_ref().and_then(|shadow| shadow.plugin.clone())),
    ] {
        let Some(plugin) = plugin else { continue };
        if plugin.breaker != "closed" {
            let found = format!("it failed several times, and its breaker is {}", plugin.breaker);
            warn(subject, &found, "try it by `bidprice plugin run`, with an order of the bid log");
        }
        if let Some(problem) = &plugin.problem {
            warn(subject, problem, "put a file in its place that loads");
        }
    }
    let outcomes = status.outcomes.as_ref().and_then(|outcomes| outcomes.problem.as_ref());
    let placements = status.placements.as_ref().and_then(|placements| placements.problem.as_ref());
    let tune = status.tune.as_ref().and_then(|tune| tune.problem.as_ref());
    for (subject, problem) in [("outcomes", outcomes), ("placements", placements), ("tune", tune)] {
        if let Some(problem) = problem {
            warn(subject, problem, "`bidprice status` says more");
        }
    }
    if let Some(log) = status.bid_log.as_ref().filter(|log| log.lost > 0) {
        let found = format!("{} since the service started", count(log.lost, "lost line"));
        warn("bid log", &found, "look at the service's log for the reason; the number starts again with a restart");
    }
    troubles(status, checkup);
}

/// What keeps the service from bidding, or loses decisions.
fn troubles(status: &StatusResponse, checkup: &mut Checkup) {
    let mut problem =
        |subject: &str, found: &str, remedy: &str| checkup.problem(Group::Service, subject, found, remedy);
    if let Some(inventory) = status.inventory.as_ref().filter(|inventory| inventory.state == "unusable") {
        let why = inventory.problem.as_deref().unwrap_or("it has given no usable snapshot yet");
        problem("inventory", &format!("the service has none that it can use: {why}"), "see the inventory below");
    }
    if let Some(feed) = status.feed.as_ref().filter(|feed| feed.usd_per_akt.is_none()) {
        let why = feed.problem.as_deref().unwrap_or("no source has answered yet");
        problem("feed", &format!("the service does not know what an AKT is worth: {why}"), "see the feed below");
    }
    if let Some(log) = &status.bid_log
        && let Some(why) = &log.problem
    {
        problem("bid log", why, "see the bid log below");
    }
}

/// An address: it has to be free, or in use by the service that runs.
fn address(state: &AddressState, is_served: bool, checkup: &mut Checkup) {
    let AddressState { key, address, problem, is_taken } = state;
    let subject = format!("`{key}` {address}");
    match problem {
        None if is_served => checkup.warn(
            Group::Addresses,
            subject,
            "the service that runs does not listen there",
            "restart it: addresses change with a restart only",
        ),
        None => checkup.ok(Group::Addresses, subject, "it can be listened on"),
        Some(_) if *is_taken && is_served => {
            checkup.ok(Group::Addresses, subject, "in use, while the service runs");
        }
        Some(why) => checkup.put(super::checkup::State::Problem, Group::Addresses, subject, why.clone(), None),
    }
}
