//! Made-up orders: what chance may change of them and what it may not.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::Folder;
use pricing_sim::stream::{Arrival, Stream};

const HOUR: u64 = 3_600_000;

fn generated(more: &str) -> Arc<Stream> {
    stream(more, "rate = \"40/h\"", 3)
}

fn stream(generate: &str, arrivals: &str, seed: u64) -> Arc<Stream> {
    Folder::new().stream(&orders(generate, arrivals), seed).unwrap()
}

fn orders(generate: &str, arrivals: &str) -> String {
    format!("[orders]\nduration = \"100h\"\n[orders.arrivals]\n{arrivals}\n[orders.generate]\n{generate}\n")
}

const MIX: &str = "gpus = { \"nvidia/t4\" = 3, \"nvidia/a100/80Gi\" = 1, \"nvidia/h100\" = 1 }\ncards = { 1 = 3, 2 = 1, 8 = 1 }\nreplicas = { 1 = 9, 3 = 1 }\ncpu = [2, 4, 8]\nmemory = [8, 16.5]\nstorage = [0, 100]\n";

fn mix(more: &str) -> Arc<Stream> {
    generated(&format!("{MIX}{more}"))
}

/// The kinds that an order lists.
fn kinds(arrival: &Arrival) -> Vec<String> {
    let unit = &arrival.order.group.resources()[0];
    unit.gpu.alternatives.iter().map(ToString::to_string).collect()
}

fn is_any(arrival: &Arrival) -> bool {
    kinds(arrival) == ["nvidia/*"]
}

/// Moment, CPU, memory, cards, replicas and volumes of an order.
fn size(arrival: &Arrival) -> (u64, u64, u64, u64, u32, Vec<u64>) {
    let unit = &arrival.order.group.resources()[0];
    let volumes = unit.storage.iter().map(|volume| volume.size.get()).collect();
    (arrival.at, unit.cpu.get(), unit.memory.get(), unit.gpu.units, unit.count, volumes)
}

fn share_of(stream: &Stream, is: impl Fn(&Arrival) -> bool) -> f64 {
    let count = |number: usize| f64::from(u32::try_from(number).unwrap());
    count(stream.arrivals.iter().filter(|arrival| is(arrival)).count()) / count(stream.arrivals.len())
}

#[test]
fn a_raised_wildcard_share_turns_orders_into_wildcards_and_changes_nothing_else() {
    let (low, high) =
        (mix("wildcard_share = 0.2\nmulti_model_share = 0.3"), mix("wildcard_share = 0.4\nmulti_model_share = 0.3"));
    assert!(low.arrivals.len() > 3_500);
    assert_eq!(low.arrivals.len(), high.arrivals.len());
    for (before, after) in low.arrivals.iter().zip(&high.arrivals) {
        assert_eq!(size(before), size(after));
        assert!(is_any(after) || kinds(before) == kinds(after), "only to `*`");
        assert!(!is_any(before) || is_any(after), "an order that says `*` at 0.2 still says it at 0.4");
        assert!(kinds(before).len() < 2 || kinds(after).len() == 2, "several models stay several models");
    }
    assert!((share_of(&low, is_any) - 0.2).abs() < 0.03 && (share_of(&high, is_any) - 0.4).abs() < 0.03);
    assert!((share_of(&low, |arrival| kinds(arrival).len() == 2) - 0.3).abs() < 0.03);
}

#[test]
fn a_raised_share_of_cpu_only_orders_leaves_the_others_as_they_were() {
    let (low, high) = (mix("cpu_only_share = 0.1"), mix("cpu_only_share = 0.5"));
    let is_cpu = |arrival: &Arrival| kinds(arrival).is_empty();
    for (before, after) in low.arrivals.iter().zip(&high.arrivals) {
        assert_eq!(before.at, after.at);
        assert!(!is_cpu(before) || is_cpu(after));
        if is_cpu(before) == is_cpu(after) {
            assert_eq!(before.order, after.order);
        }
    }
    assert!((share_of(&low, is_cpu) - 0.1).abs() < 0.03 && (share_of(&high, is_cpu) - 0.5).abs() < 0.03);
}

#[test]
fn a_raised_weight_moves_orders_to_its_choice_and_none_between_the_others() {
    let gpus = |h100: u32| format!("gpus = {{ \"nvidia/a100\" = 2, \"nvidia/h100\" = {h100}, \"nvidia/t4\" = 2 }}");
    let (low, high) = (generated(&gpus(1)), generated(&gpus(4)));
    for (before, after) in low.arrivals.iter().zip(&high.arrivals) {
        assert!(kinds(before) == kinds(after) || kinds(after) == ["nvidia/h100"]);
    }
    assert!((share_of(&low, |arrival| kinds(arrival) == ["nvidia/h100"]) - 0.2).abs() < 0.03);
    assert!((share_of(&high, |arrival| kinds(arrival) == ["nvidia/h100"]) - 0.5).abs() < 0.03);
}

#[test]
fn orders_with_several_models_list_different_ones_of_the_mix_and_the_same_first() {
    let listed =
        "gpus = { \"nvidia/a100/40Gi\" = 1, \"nvidia/a100/80Gi\" = 1, \"nvidia/t4\" = 1 }\nmulti_model_share = 1";
    let (several, one) = (generated(listed), generated(&listed.replace("share = 1", "share = 0")));
    for (several, one) in several.arrivals.iter().zip(&one.arrivals) {
        let kinds = kinds(several);
        assert_eq!((kinds.len(), &kinds[..1]), (2, &self::kinds(one)[..]));
        assert_eq!(kinds.iter().filter(|kind| kind.contains("a100")).count(), 1);
        assert!(several.order.group.resources()[0].gpu.is_wildcard());
    }
}

#[test]
fn sizes_are_for_each_card_and_without_cards_for_each_replica() {
    let stream = mix("cpu_only_share = 0.3\npersistent = \"beta3\"\nendpoints = 3");
    for arrival in &stream.arrivals {
        let unit = &arrival.order.group.resources()[0];
        let cards = unit.gpu.units.max(1);
        assert!([2_000, 4_000, 8_000].contains(&(unit.cpu.get() / cards)));
        assert!([8 << 30, 33 << 29].contains(&(unit.memory.get() / cards)));
        let volumes: Vec<(&str, u64)> =
            unit.storage.iter().map(|volume| (volume.class.name().into_exact(), volume.size.get() / cards)).collect();
        assert!(volumes.is_empty() || volumes == [("ephemeral", 100 << 30), ("beta3", 100 << 30)]);
        assert_eq!(unit.endpoints.quantity(), 3);
    }
    let plain = generated("gpus = { \"nvidia/t4\" = 1 }\norders = 5");
    assert_eq!(plain.arrivals.len(), 5);
    let first = &plain.arrivals[0];
    assert_eq!(size(first), (first.at, 4_000, 16 << 30, 1, 1, vec![20 << 30]));
    assert_eq!((&*first.id, first.has_maximum, first.until), ("order-1", false, None));
}

#[test]
fn a_poisson_process_has_its_rate_and_its_spread() {
    let stream = generated("");
    let mut hours = vec![0_i64; 100];
    for arrival in &stream.arrivals {
        hours[usize::try_from(arrival.at / HOUR).unwrap()] += 1;
    }
    let mean = i64::try_from(stream.arrivals.len()).unwrap() / 100;
    assert!((38..=42).contains(&mean), "{mean}");
    let variance = hours.iter().map(|hour| (hour - 40) * (hour - 40)).sum::<i64>() / 100;
    assert!((25..=60).contains(&variance), "the variance of a Poisson number is its mean, not {variance}");
    assert_eq!((stream.window.start, stream.window.end), (0, 100 * HOUR));
}

#[test]
fn twice_the_rate_is_the_same_orders_in_half_the_time() {
    let (slow, fast) = (stream(MIX, "rate = \"10/h\"", 4), stream(MIX, "rate = \"20/h\"", 4));
    for (slow, fast) in slow.arrivals.iter().zip(&fast.arrivals) {
        assert!(slow.at.abs_diff(fast.at * 2) <= 2);
        assert_eq!(slow.order, fast.order);
    }
}

#[test]
fn regular_orders_are_the_same_time_apart_whole_milliseconds_where_they_come_out() {
    let times = |arrivals: &str| stream("orders = 700", arrivals, 1).arrivals.iter().map(|a| a.at).collect::<Vec<_>>();
    let even = times("rate = \"40/h\"\npattern = \"regular\"");
    assert!(even.iter().zip(0..).all(|(at, number)| *at == number * 90_000));
    let thirds = times("rate = \"7/min\"\npattern = \"regular\"");
    assert!(thirds.iter().zip(0..).all(|(at, number)| at.abs_diff(number * 60_000 / 7) <= 1));
    assert_eq!(times("rate = \"3/30s\"\npattern = \"regular\"")[..3], [0, 10_000, 20_000]);
}

#[test]
fn the_rate_follows_the_day_by_chance_and_regularly() {
    for pattern in ["poisson", "regular"] {
        let daily = format!("rate = \"40/h\"\npattern = \"{pattern}\"\ndaily = {{ swing = 0.8, peak_hour = 6 }}");
        let stream = Folder::new().stream(&orders("", &daily).replace("100h", "240h"), 2).unwrap();
        let about = |hour: u64| {
            let near = |at: u64| (at % (24 * HOUR) + 25 * HOUR - hour * HOUR) % (24 * HOUR) < 2 * HOUR;
            stream.arrivals.iter().filter(|arrival| near(arrival.at)).count()
        };
        // 10 days, 2 hours a day, 40 an hour: times 1.8 at the peak, 0.2 half a day later, 1 between.
        assert!((1_300..1_550).contains(&about(6)), "{pattern}: {}", about(6));
        assert!((110..230).contains(&about(18)), "{pattern}: {}", about(18));
        assert!((700..900).contains(&about(12)), "{pattern}: {}", about(12));
    }
}

#[test]
fn bursts_come_again_and_again_and_the_first_not_at_once() {
    for pattern in ["poisson", "regular"] {
        let bursts = format!(
            "rate = \"20/h\"\npattern = \"{pattern}\"\nbursts = {{ every = \"10h\", length = \"1h\", factor = 10 }}"
        );
        let stream = stream("", &bursts, 2);
        let mut by_hour: BTreeMap<u64, u32> = BTreeMap::new();
        for arrival in &stream.arrivals {
            *by_hour.entry(arrival.at / HOUR).or_default() += 1;
        }
        for (hour, count) in by_hour {
            let in_burst = hour >= 10 && hour % 10 == 0;
            let expected = if in_burst { 140..260 } else { 5..40 };
            assert!(expected.contains(&count), "{pattern}: {count} orders in hour {hour}");
        }
    }
}

#[test]
fn lifetimes_have_their_typical_length_and_stay_with_their_orders() {
    let lasting = |lifetime: &str, share: &str| {
        let orders =
            orders(&format!("{MIX}wildcard_share = {share}"), "rate = \"100/h\"") + "[orders.lifetime]\n" + lifetime;
        let stream = Folder::new().stream(&orders, 9).unwrap();
        stream.arrivals.iter().map(|arrival| arrival.until.unwrap() - arrival.at).collect::<Vec<u64>>()
    };
    let mean = |lifetimes: &[u64]| lifetimes.iter().sum::<u64>() / u64::try_from(lifetimes.len()).unwrap();
    let exponential = lasting("typical = \"5h\"", "0.1");
    assert!(mean(&exponential).abs_diff(5 * HOUR) < HOUR / 4);
    assert_eq!(exponential, lasting("typical = \"5h\"", "0.9"));
    let mut log_normal = lasting("typical = \"5h\"\nshape = \"log-normal\"\nsigma = 1.5", "0.1");
    log_normal.sort_unstable();
    assert!(log_normal[log_normal.len() / 2].abs_diff(5 * HOUR) < HOUR / 2, "the median");
    assert!(mean(&log_normal) > 12 * HOUR, "a long tail");
    assert!(lasting("typical = \"90s\"\nshape = \"fixed\"", "0").iter().all(|lasts| *lasts == 90_000));
}

#[test]
fn a_stream_is_a_matter_of_its_seed_alone() {
    let times = |seed| stream(MIX, "rate = \"40/h\"", seed).arrivals.iter().map(size).collect::<Vec<_>>();
    assert_eq!(times(1), times(1));
    assert_ne!(times(1), times(2));
}

#[test]
fn what_cannot_be_meant_is_refused_by_the_name_of_its_key() {
    let folder = Folder::new();
    let told = |generate: &str, arrivals: &str| folder.stream(&orders(generate, arrivals), 1).unwrap_err();
    let gpus = "gpus = { \"nvidia/t4\" = 1 }\n";
    for (generate, part) in [
        ("wildcard_share = 1.1", "`orders.generate.wildcard_share` is `1.1`"),
        ("cpu_only_share = -0.1", "`orders.generate.cpu_only_share` is `-0.1`"),
        ("wildcard_share = 0.6\nmulti_model_share = 0.6", "come to more than 1"),
        ("multi_model_share = 0.6", "orders are to list 2 models and `orders.generate.gpus` has 1"),
        ("models_listed = 1", "`orders.generate.models_listed`"),
        ("cards = { 0 = 1 }", "`orders.generate.cards.\"0\"`"),
        ("cards = { 129 = 1 }", "from 1 to 128"),
        ("replicas = { one = 1 }", "`orders.generate.replicas.\"one\"`"),
        ("cards = { 1 = 0 }", "`orders.generate.cards` has no weight above 0"),
        ("cards = { 1 = -1 }", "`orders.generate.cards.\"1\"` is `-1`"),
        ("cpu = [0]", "`orders.generate.cpu` has `0`"),
        ("memory = [-1]", "`orders.generate.memory` has `-1`"),
        ("storage = [1e9]", "`orders.generate.storage` has `1000000000`"),
        ("persistent = \"ephemeral\"", "`orders.generate.persistent`"),
        ("endpoints = 1000", "`orders.generate.endpoints`"),
        ("orders = 99999999", "`orders.generate.orders`"),
        ("cpu = [nan]", "nan"),
    ] {
        let error = told(&format!("{gpus}{generate}"), "rate = \"1/h\"");
        assert!(error.to_lowercase().contains(&part.to_lowercase()), "{generate}: {error}");
    }
    assert!(told("wildcard_share = 0.5", "rate = \"1/h\"").contains("`orders.generate.gpus` names no kind of card"));
    let wrong = told("gpus = { \"t4/x\" = 1 }", "rate = \"1/h\"");
    assert!(wrong.contains("`orders.generate.gpus") && wrong.contains("t4/x"), "{wrong}");
    // A kind without a vendor is nvidia's, as everywhere.
    assert!(folder.stream(&orders("gpus = { t4 = 1 }\n", "rate = \"1/h\""), 1).is_ok());
    assert!(told("gpus = { \"nvidia/*\" = 1 }", "rate = \"1/h\"").contains("wildcard_share"));
}

#[test]
fn arrivals_and_lifetimes_that_cannot_be_meant_are_refused_by_the_name_of_their_key() {
    let folder = Folder::new();
    let told = |arrivals: &str| folder.stream(&orders("", arrivals), 1).unwrap_err();
    for (arrivals, part) in [
        ("rate = \"40\"", "write such as `40/h`"),
        ("rate = \"0/h\"", "must be above 0"),
        ("rate = \"-1/h\"", "must be above 0"),
        ("rate = \"nan/h\"", "write such as"),
        ("rate = \"1/fortnight\"", "write such as"),
        ("rate = \"1/0s\"", "write such as"),
        ("rate = \"1000000/ms\"", "more than 2000000 orders"),
        ("rate = \"1/h\"\ndaily = { swing = 2 }", "`orders.arrivals.daily.swing`"),
        ("rate = \"1/h\"\ndaily = { swing = 1, peak_hour = 25 }", "`orders.arrivals.daily.peak_hour`"),
        ("rate = \"1/h\"\nbursts = { every = \"1h\", length = \"2h\", factor = 2 }", "`orders.arrivals.bursts.length`"),
        ("rate = \"1/h\"\nbursts = { every = \"1h\", length = \"0s\", factor = 2 }", "`orders.arrivals.bursts.length`"),
        (
            "rate = \"1/h\"\nbursts = { every = \"1h\", length = \"1m\", factor = 1e6 }",
            "`orders.arrivals.bursts.factor`",
        ),
    ] {
        let error = told(arrivals);
        assert!(error.contains(part), "{arrivals}: {error}");
    }
    let lifetime = |entry: &str| folder.stream(&(orders("", "rate = \"1/h\"") + "[orders.lifetime]\n" + entry), 1);
    assert!(lifetime("typical = \"500years\"").unwrap_err().contains("orders.lifetime.typical"));
    assert!(lifetime("typical = \"1h\"\nsigma = 1").unwrap_err().contains("orders.lifetime.sigma"));
    assert!(
        lifetime("typical = \"1h\"\nshape = \"log-normal\"\nsigma = 9").unwrap_err().contains("orders.lifetime.sigma")
    );
    let endless = folder.stream("[orders.generate]\n[orders.arrivals]\nrate = \"1/h\"", 1).unwrap_err();
    assert!(endless.contains("set `orders.generate.orders` or `orders.duration`"), "{endless}");
    let no_rate = folder.stream("[orders.generate]\norders = 1", 1).unwrap_err();
    assert!(no_rate.contains("[orders.arrivals]"), "{no_rate}");
    let both =
        folder.stream("[orders]\nsdl_dir = \"x\"\n[orders.generate]\norders = 1\n[orders.arrivals]\nrate = \"1/h\"", 1);
    assert!(both.unwrap_err().contains("name one of"));
}

#[test]
fn orders_of_a_file_that_say_no_end_or_no_maximum_are_given_one_of_each_by_seed() {
    let folder = Folder::new();
    let head = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time,deletion_time\n";
    folder.put("pods.csv", &format!("{head}late,1000,1024,1,1000,T4,7200,\nearly,1000,1024,1,1000,T4,3600,7200\n"));
    let orders = |more: &str| format!("[orders]\nopenb = \"pods.csv\"\ndenom = \"uakt\"\ntime_compression = 2\n{more}");
    let plain = folder.stream(&orders(""), 1).unwrap();
    assert_eq!(
        plain.arrivals.iter().map(|a| (a.at, a.until)).collect::<Vec<_>>(),
        [(HOUR / 2, Some(HOUR)), (HOUR, None)]
    );
    let chance = "[orders.lifetime]\ntypical = \"1h\"\n[orders.maximum]\nrates = \"rates.toml\"\nspread = 0.3\n";
    let seen = |seed| {
        let stream = folder.stream(&orders(chance), seed).unwrap();
        assert_eq!(stream.window.start, HOUR / 2);
        assert_eq!(stream.arrivals[0].until, Some(HOUR), "what the file says stays");
        let (last, end) = (&stream.arrivals[1], stream.window.end);
        assert_eq!(
            (&*last.id, last.until.unwrap().max(HOUR)),
            ("late", end),
            "the scenario's own times are not divided"
        );
        let maximum = last.order.max_price.clone().unwrap();
        assert!(last.has_maximum && maximum.denom().as_str() == "uakt");
        (end, maximum.amount())
    };
    assert_eq!(seen(1), seen(1));
    assert!(seen(1).0 != seen(2).0 && seen(1).1 != seen(2).1);
    let arrivals = folder.stream(&orders("[orders.arrivals]\nrate = \"1/h\"\n"), 1).unwrap_err();
    assert!(arrivals.contains("[orders.arrivals] is for"), "{arrivals}");
}
