use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::SystemTime;

use rust_decimal::Decimal;
use tempfile::TempDir;

use super::*;
use crate::config;

/// A folder with a configuration.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Loads a configuration. `rates.toml` is written with this rate card.
    fn accepted(&self, config: &str, card: &str) -> Accepted {
        fs::write(self.at("bidprice.toml"), config).unwrap();
        fs::write(self.at("rates.toml"), card).unwrap();
        Accepted::of(&config::load(&self.at("bidprice.toml")).unwrap())
    }
}

const CARD: &str = "[rates]\ncpu = 4\n[rates.gpu]\nt4 = 80\n[policy.owners]\ndeny = [\"akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx\"]\n";
const IN_FILE: &str = "[rates]\nfile = \"rates.toml\"\n";

/// Returns the concerns and keys that have to be accepted.
fn concerns_of(before: &Accepted, after: &Accepted) -> Vec<String> {
    match before.admits(after, &Listen::default()) {
        Ok(()) => Vec::new(),
        Err(refusal) => refusal.concerns().map(|found| format!("{} {}", found.concern.unwrap(), found.key)).collect(),
    }
}

#[test]
fn effective_cards_are_compared_wherever_they_stand() {
    let place = Place::new();
    let in_file = place.accepted(IN_FILE, CARD);
    let inline = place.accepted(CARD, "");
    let both = place.accepted(
        &format!("{IN_FILE}[policy.owners]\ndeny = [\"akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx\"]\n"),
        "[rates]\ncpu = 4\n[rates.gpu]\n\"T4\" = \"80\"\n",
    );
    for (one, other) in [(&in_file, &inline), (&inline, &both), (&both, &in_file), (&both, &both)] {
        assert_eq!(concerns_of(one, other), Vec::<String>::new());
    }
    let without = place.accepted(IN_FILE, &CARD.replace("\"akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx\"", ""));
    assert_eq!(concerns_of(&both, &without), ["owners policy.owners.deny"]);
    // A configuration without a card has the default rates.
    assert_eq!(
        concerns_of(&in_file, &place.accepted("", "")),
        ["lowered rates.cpu", "entry-gone rates.gpu.t4", "owners policy.owners.deny"]
    );
}

#[test]
fn a_cut_file_has_to_be_accepted_whatever_it_changes() {
    let place = Place::new();
    // Without its last lines, a price only rises.
    let card = "[rates]\ncpu = 1\n[policy.owners.discount]\nakash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx = \"0.9\"\nakash1cqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqvqruma = \"0.8\"\n";
    let before = place.accepted(IN_FILE, card);
    let after = |card: &str| place.accepted(IN_FILE, card);
    assert_eq!(
        concerns_of(&before, &after(&card.replace("akash1cqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqvqruma = \"0.8\"\n", ""))),
        ["cut rates.file"]
    );
    assert_eq!(
        concerns_of(&before, &after(&card.replace("akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx = \"0.9\"\n", ""))),
        Vec::<String>::new()
    );
    assert_eq!(concerns_of(&before, &after(card.trim_end())), Vec::<String>::new());
    let refusal = before.admits(&after("[rates]\ncpu = 1"), &Listen::default()).unwrap_err();
    assert_eq!(refusal.concerns().next().unwrap().to_string(), "`rates.file`: 147 bytes -> the first 15 bytes of them");
    // Wherever a card is cut, it is refused or has the same effect.
    let everything = include_str!("../../../examples/rates.toml");
    let before = place.accepted(IN_FILE, everything);
    let mut admitted = 0;
    for (cut, _) in everything.char_indices() {
        fs::write(place.at("rates.toml"), &everything[..cut]).unwrap();
        let Ok(loaded) = config::load(&place.at("bidprice.toml")) else { continue };
        let after = Accepted::of(&loaded);
        if before.admits(&after, &Listen::default()).is_ok() {
            let same =
                |accepted: &Accepted| Pricing { origins: Default::default(), ..(*accepted.rates.pricing).clone() };
            assert_eq!(same(&after), same(&before), "{cut}");
            admitted += 1;
        }
    }
    assert!(admitted > 0, "the comments at the end may go");
}

#[test]
fn what_else_decides_over_bids_has_to_be_accepted_too() {
    let place = Place::new();
    let accepted = |text: &str| place.accepted(&format!("{IN_FILE}{text}"), CARD);
    let plugin = "[plugin]\nfile = \"x.wasm\"\n";
    let explore = |spread: &str| format!("[explore]\nspread = \"{spread}\"\nseed = \"a private text of ours\"\n");
    let tune = |apply: bool, step: &str, range: &str| {
        format!(
            "[reload]\nstate = \"reload.state\"\n[tune]\nscenario = \"s.toml\"\nmax_step = \"{step}\"\napply = {apply}\nvary = {{ \"rates.gpu.t4\" = \"{range}\" }}\n"
        )
    };
    for (before, after, expected) in [
        (plugin, "", Some("plugin plugin")),
        ("", plugin, None),
        (plugin, "[plugin]\nfile = \"y.wasm\"\n", None),
        (plugin, "[plugin]\nfile = \"x.wasm\"\nfallback = \"builtin\"\n", Some("fallback plugin.fallback")),
        (plugin, "[plugin]\nfile = \"x.wasm\"\nfallback = \"last-plugin\"\n", Some("fallback plugin.fallback")),
        ("[plugin]\nfile = \"x.wasm\"\nfallback = \"builtin\"\n", plugin, None),
        ("[inventory]\nfile = \"i.json\"\n", "", Some("inventory inventory")),
        ("[inventory]\nfile = \"i.json\"\n", "[inventory]\noperator = \"http://localhost:1\"\n", None),
        ("[feed]\nusd_per_akt = \"0.5\"\n", "[feed]\nusd_per_akt = \"5\"\n", Some("lowered chain.denoms.uakt")),
        ("[feed]\nusd_per_akt = \"0.5\"\n", "[feed]\nusd_per_akt = \"0.6\"\n", None),
        ("[feed]\nusd_per_akt = \"0.5\"\n", "", None),
        ("", &explore("3%"), Some("explore explore.spread")),
        (&explore("3%"), &explore("20%"), Some("explore explore.spread")),
        (&explore("20%"), &explore("3%"), None),
        (&explore("3%"), "", None),
        ("", "[kubernetes]\nversion = \"1.36\"\n", None),
        ("", &tune(false, "5%", "1300..2200"), None),
        ("", &tune(true, "5%", "1300..2200"), Some("tune tune")),
        (&tune(false, "5%", "1300..2200"), &tune(true, "5%", "1300..2200"), Some("tune tune")),
        (&tune(true, "5%", "1300..2200"), &tune(true, "6%", "1300..2200"), Some("tune tune")),
        (&tune(true, "5%", "1300..2200"), &tune(true, "5%", "1200..2200"), Some("tune tune")),
        (&tune(true, "5%", "1300..2200"), &tune(true, "5%", "1300..2300"), Some("tune tune")),
        (&tune(true, "5%", "1300..2200"), &tune(true, "4%", "1400..2100"), None),
        (&tune(true, "5%", "1300..2200"), &tune(false, "50%", "1..9999"), None),
    ] {
        let (before, after) = (accepted(before), accepted(after));
        assert_eq!(concerns_of(&before, &after), expected.into_iter().collect::<Vec<_>>());
        if let Err(refusal) = before.admits(&after, &Listen::default()) {
            // The rates are the same, so their digest accepts nothing.
            assert!(!refusal.is_rates_alone && refusal.digest != after.rates.digest, "{refusal}");
        }
    }
    // The feed's value counts, too.
    let before = accepted("").where_unfixed(UsdPerAkt::new(Decimal::new(5, 1)).ok());
    let fixed = accepted("[feed]\nusd_per_akt = \"50\"\n");
    assert_eq!(concerns_of(&before, &fixed), ["lowered chain.denoms.uakt"]);
}

#[test]
fn what_predicts_has_to_be_accepted_where_it_decides() {
    let place = Place::new();
    fs::write(place.at("k.yaml"), "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n")
        .unwrap();
    let policies = ["ambiguous_gpu = \"likely\"", "pending = \"decline\"", "ambiguous_gpu = \"highest\""];
    for (policy, decides) in policies.into_iter().zip([true, true, false]) {
        let accepted = |keys: &str| {
            place.accepted(&format!("{IN_FILE}[kubernetes]\n{keys}\n"), &format!("{CARD}[policy]\n{policy}\n"))
        };
        let before = accepted("");
        let expected = if decides { vec!["kubernetes kubernetes".to_owned()] } else { Vec::new() };
        for keys in
            ["predict = false", "version = \"1.36\"", "pods_without_requests = 9", "scheduler_config = \"k.yaml\""]
        {
            assert_eq!(concerns_of(&before, &accepted(keys)), expected, "{policy} {keys}");
        }
        assert_eq!(concerns_of(&before, &accepted("predict = true")), Vec::<String>::new());
    }
}

#[test]
fn a_refused_card_does_not_hide_another_scheduler() {
    let place = Place::new();
    let card = |cpu: u32, policy: &str| format!("[rates]\ncpu = {cpu}\n[policy]\n{policy}\n");
    let with = |keys: &str| format!("{IN_FILE}[kubernetes]\n{keys}\n");
    let kept = place.accepted(&with("version = \"1.36\""), &card(4, "ambiguous_gpu = \"likely\""));
    // Neither card nor scheduler are accepted. The card alone must not decide whether the scheduler is compared.
    let offered = place.accepted(&with("pods_without_requests = 9"), &card(1, "ambiguous_gpu = \"highest\""));
    let refusal = kept.admits(&offered, &Listen::default()).unwrap_err();
    assert!(!refusal.is_rates_alone, "{refusal}");
    assert!(refusal.concerns().any(|found| found.key == "kubernetes"), "{refusal}");
    assert!(!kept.admits_with_own_rates(&offered));
    // A card that begins to decide by predictions is compared, too.
    let refusal = offered.admits(&kept, &Listen::default()).unwrap_err();
    assert!(refusal.concerns().any(|found| found.key == "kubernetes"), "{refusal}");
    // A file from before the scheduler was compared stands for the default one.
    let before: OtherSettings = serde_json::from_str(
        r#"{"plugin":false,"fallback":null,"inventory":false,"usd_per_akt":null,"max_change":"50%"}"#,
    )
    .unwrap();
    assert_eq!(before.kubernetes, place.accepted("", "").beside.kubernetes);
}

#[test]
fn the_limit_is_the_new_one_and_a_key_that_was_lost_loosens_nothing() {
    let place = Place::new();
    let with = |max_change: &str, cpu: &str| {
        place.accepted(&format!("{IN_FILE}[reload]\n{max_change}\n"), &format!("[rates]\ncpu = \"{cpu}\"\n"))
    };
    for (before, after, refused) in [
        ("max_change = \"50%\"", "max_change = \"50%\"", false),
        ("max_change = \"10%\"", "", true),
        ("", "max_change = \"10%\"", true),
        ("max_change = \"10%\"", "max_change = \"60%\"", false),
        ("max_change = \"10%\"", "max_change = 0", false),
        ("max_change = 0", "", false),
    ] {
        let concerns = concerns_of(&with(before, "10"), &with(after, "6"));
        assert_eq!(!concerns.is_empty(), refused, "{before} {after}");
    }
    assert_eq!(concerns_of(&with("max_change = 0", "10"), &with("", "1")), ["lowered rates.cpu"]);
    assert_eq!(concerns_of(&with("", "10"), &with("max_change = \"0%\"", "1")), Vec::<String>::new());
}

#[test]
fn only_the_digest_of_what_is_there_now_accepts_it() {
    let place = Place::new();
    let listen = Listen { socket: "it's/here.sock".into(), ..Listen::default() };
    let before = place.accepted(IN_FILE, CARD);
    let bad = place.accepted(IN_FILE, &CARD.replace("deny", "allow"));
    let worse = place.accepted(IN_FILE, "[rates]\nip = 0\n");
    let fine = place.accepted(IN_FILE, &CARD.replace("80", "90"));
    let message = |after: &Accepted, digest| judge(&before, after, digest, &listen).unwrap_err().to_string();
    let refused = message(&bad, None);
    assert_eq!(
        refused,
        format!(
            "the rate card {0} has to be accepted first, since it changes `policy.owners.deny`: 1 owner -> 0 owners, \
             without `akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx`. `bidprice reload --socket '{1}' --accept {0}` accepts it",
            bad.rates.digest,
            std::path::absolute("it's/here.sock").unwrap().display().to_string().replace('\'', r"'\''"),
        )
    );
    judge(&before, &bad, Some(bad.rates.digest), &listen).unwrap();
    let stale = message(&worse, Some(bad.rates.digest));
    assert!(
        stale.starts_with(&format!(
            "nothing was taken: {} is not in the files any more; the rate card {} has",
            bad.rates.digest, worse.rates.digest
        )),
        "{stale}"
    );
    assert!(message(&bad, Some(before.rates.digest)).contains("is not in the files any more"));
    // One that need not be accepted is applied with its own digest only.
    judge(&before, &fine, None, &listen).unwrap();
    judge(&before, &fine, Some(fine.rates.digest), &listen).unwrap();
    assert!(message(&fine, Some(bad.rates.digest)).contains("which need not be accepted"));
    // If more than the rates changes, the digest of the rates is not enough.
    let mut before = before;
    before.beside.plugin = true;
    assert!(judge(&before, &bad, Some(bad.rates.digest), &listen).is_err());
    judge(&before, &bad, Some(bad.digest()), &listen).unwrap();
}

#[test]
fn messages_are_bounded() {
    let place = Place::new();
    let entries: String = (0..500).map(|number| format!("m{number} = 5\n")).collect();
    let before = place.accepted(IN_FILE, &format!("[rates.gpu]\n{entries}"));
    let after = place.accepted(IN_FILE, "[rates.gpu]\nt4 = 5\n");
    let refusal = before.admits(&after, &Listen::default()).unwrap_err();
    assert_eq!(refusal.concerns().count(), 500);
    let message = refusal.to_string();
    assert!(message.contains("; and 492 more. `bidprice reload --accept sha256:"), "{message}");
    assert!(message.len() < 1000);
}

#[test]
fn what_was_accepted_is_read_again() {
    let place = Place::new();
    let accepted =
        place.accepted(&format!("{IN_FILE}[feed]\nusd_per_akt = \"0.5\"\n[reload]\nmax_change = \"7%\"\n"), CARD);
    let file = AcceptedFile::open(&place.at("state")).unwrap();
    assert_eq!(file.read().unwrap(), None);
    file.write(&accepted, SystemTime::now()).unwrap();
    assert_eq!(file.read().unwrap(), Some(accepted.clone()));
    assert_eq!(fs::metadata(place.at("state")).unwrap().permissions().mode() & 0o777, 0o600);
    let other = place.accepted("[plugin]\nfile = \"x.wasm\"\nfallback = \"builtin\"\n", "");
    file.write(&other, SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(file.read().unwrap(), Some(other));
    // No other file is left.
    let names: Vec<_> = fs::read_dir(place.0.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[test]
fn a_file_that_is_damaged_foreign_or_of_another_version_is_never_taken_for_absent() {
    let place = Place::new();
    let path = place.at("state");
    let file = AcceptedFile::open(&path).unwrap();
    file.write(&place.accepted(IN_FILE, CARD), SystemTime::now()).unwrap();
    let whole = fs::read(&path).unwrap();
    let problem = || file.read().unwrap_err().to_string();
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let problem = problem();
        assert!(problem.contains("is damaged") && problem.contains("remove the file"), "{cut}: {problem}");
    }
    for place in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        fs::write(&path, changed).unwrap();
        assert!(problem().contains("remove the file"), "{place}");
    }
    let newer = String::from_utf8(whole.clone()).unwrap().replacen("accepted 1 ", "accepted 2 ", 1);
    fs::write(&path, newer).unwrap();
    assert!(problem().contains("is of version 2, and this program writes 1"), "{}", problem());
    // The file must not be open to others.
    fs::write(&path, &whole).unwrap();
    for mode in [0o644, 0o620, 0o602] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert!(problem().contains("of the service's own user with mode 600"), "{}", problem());
    }
    fs::remove_file(&path).unwrap();
    fs::write(place.at("elsewhere"), &whole).unwrap();
    symlink(place.at("elsewhere"), &path).unwrap();
    assert!(problem().contains("remove the file"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(problem().contains("remove the file"));
}

#[test]
fn one_service_at_a_time_has_the_file() {
    let place = Place::new();
    let first = AcceptedFile::open(&place.at("state")).unwrap();
    let second = AcceptedFile::open(&place.at("state")).unwrap_err().to_string();
    assert!(second.contains("give each its own `reload.state`"), "{second}");
    drop(first);
    AcceptedFile::open(&place.at("state")).unwrap();
    assert!(AcceptedFile::open(&place.at("absent/state")).is_err());
}

#[test]
fn it_is_kept_beside_the_log_unless_the_configuration_says_otherwise() {
    let of = |text: &str| path_of(&config::parse(text).unwrap());
    assert_eq!(of(""), None);
    assert_eq!(of("[bid_log]\nfolder = \"log\""), Some(PathBuf::from("log/reload.state")));
    assert_eq!(of("[bid_log]\nfolder = \"log\"\n[reload]\nstate = \"s\""), Some(PathBuf::from("s")));
}
