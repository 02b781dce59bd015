#![expect(clippy::arithmetic_side_effects, reason = "times of a test are small")]

use super::super::json::JsonPath;
use super::super::source::Reader;
use super::*;

/// A state machine with the sources `a`, `b`, ... and its own clock.
struct Feed {
    state: State,
    now: Instant,
}

fn source(name: &str) -> Source {
    let url = format!("http://{name}/").parse().unwrap();
    Source { name: name.into(), url, reader: Reader::Path(JsonPath::parse("").unwrap()) }
}

fn decimal(text: &str) -> Decimal {
    number::parse(text).unwrap()
}

impl Feed {
    fn new(sources: usize) -> Self {
        let sources: Vec<Source> = ["a", "b", "c", "d", "e"].into_iter().take(sources).map(source).collect();
        Self { state: State::new(&sources), now: Instant::now() }
    }

    /// Returns a feed with a last value.
    fn at(sources: usize, last: &str) -> Self {
        let mut feed = Self::new(sources);
        feed.state.restore(decimal(last), Duration::ZERO, feed.now);
        feed
    }

    /// Runs a round a minute later, with an answer for each source; `-` for none.
    fn round(&mut self, answers: &str) -> Verdict {
        self.now += Duration::from_secs(60);
        let mut answers: Vec<_> = answers
            .split_whitespace()
            .zip(self.state.lines.iter().map(|line| line.source.clone()))
            .map(|(answer, source)| match answer {
                "-" => (source, Err("down".to_owned())),
                value => (source, Ok(decimal(value))),
            })
            .collect();
        // Answers may arrive in any order.
        answers.reverse();
        self.state.observe(answers, self.now)
    }

    fn takes(&mut self, answers: &str, value: &str) {
        assert_eq!(self.round(answers), Verdict::Taken(decimal(value)), "{answers}");
        assert_eq!(self.last(), value);
    }

    fn disagrees(&mut self, answers: &str) {
        let before = self.state.last;
        let verdict = self.round(answers);
        assert!(matches!(verdict, Verdict::Disagreement(_)), "{answers}: {verdict:?}");
        assert_eq!(self.state.last, before);
    }

    fn refuses(&mut self, answers: &str) -> String {
        let before = self.state.last;
        let verdict = self.round(answers);
        assert!(matches!(verdict, Verdict::Jump { .. }), "{answers}: {verdict:?}");
        assert_eq!(self.state.last, before);
        verdict.to_string()
    }

    fn last(&self) -> String {
        self.state.last().map_or_else(|| "-".to_owned(), |last| last.value.to_string())
    }

    fn problems(&self) -> Vec<&str> {
        self.state.lines.iter().map(|line| line.problem.as_deref().unwrap_or("-")).collect()
    }
}

#[test]
fn the_median_of_an_odd_number_is_the_middle_and_of_an_even_number_the_mean_of_two() {
    Feed::new(3).takes("0.52 0.50 0.51", "0.51");
    Feed::new(2).takes("0.50 0.51", "0.505");
    Feed::new(4).takes("0.53 0.50 0.52 0.51", "0.515");
    Feed::new(3).takes("0.50 - 0.51", "0.505");
}

#[test]
fn a_value_at_most_20_percent_away_is_taken_on_either_side_boundary_included() {
    Feed::at(1, "0.5").takes("0.6", "0.6");
    Feed::at(1, "0.5").takes("0.4", "0.4");
    Feed::at(1, "0.5").refuses("0.600000000000000001");
    Feed::at(1, "0.5").refuses("0.399999999999999999");
    Feed::at(1, "1000000").takes("800000", "800000");
    Feed::at(1, "0.000000000000000005").takes("0.000000000000000006", "0.000000000000000006");
}

#[test]
fn a_source_alone_never_confirms_its_own_jump() {
    let mut one = Feed::at(1, "0.5");
    for _ in 0..200 {
        let told = one.refuses("5");
        assert!(told.contains("only `a` says so; no other source is configured"), "{told}");
    }
    assert_eq!(one.state.tally().refused_jumps, 200);
    let mut two = Feed::at(2, "0.5");
    for _ in 0..200 {
        let told = two.refuses("- 5");
        assert!(told.contains("only `b` says so; a second source must confirm it"), "{told}");
    }
}

#[test]
fn an_aged_value_remains_what_the_next_ones_are_held_against() {
    let mut feed = Feed::at(2, "0.5");
    feed.now += Duration::from_secs(100 * 3600);
    feed.refuses("5 -");
    feed.takes("5 5", "5");
}

#[test]
fn a_jump_is_taken_when_two_sources_confirm_it_in_one_fetch() {
    Feed::at(2, "0.5").takes("5 5.5", "5.25");
    Feed::at(3, "0.5").takes("5 0.5 5.5", "5");
}

#[test]
fn a_jump_is_taken_when_two_sources_confirm_it_within_three_fetches() {
    let mut feed = Feed::at(2, "0.5");
    feed.refuses("5 -");
    feed.takes("- 5.1", "5.1");

    let mut feed = Feed::at(2, "0.5");
    feed.refuses("5 -");
    assert_eq!(feed.round("- -"), Verdict::Unanswered);
    feed.takes("- 5.1", "5.1");
}

#[test]
fn a_jump_is_not_confirmed_by_what_was_said_four_fetches_ago() {
    let mut feed = Feed::at(2, "0.5");
    feed.refuses("5 -");
    feed.round("- -");
    feed.round("- -");
    feed.refuses("- 5.1");
}

#[test]
fn a_jump_is_not_confirmed_by_a_source_that_took_its_word_back() {
    let mut feed = Feed::at(2, "0.5");
    feed.refuses("5 -");
    feed.takes("0.5 -", "0.5");
    feed.refuses("- 5");
}

#[test]
fn a_jump_is_not_confirmed_by_another_jump() {
    let mut feed = Feed::at(2, "0.5");
    feed.refuses("5 -");
    feed.refuses("- 9");
    feed.refuses("- 6.3");
    // 5 differs from 6.25 by 20 % of 6.25.
    let mut feed = Feed::at(2, "0.5");
    feed.refuses("5 -");
    feed.takes("- 6.25", "6.25");
}

#[test]
fn two_sources_that_disagree_keep_the_last_value() {
    let mut feed = Feed::at(2, "0.5");
    feed.disagrees("0.5 5");
    feed.disagrees("0.4 0.6");
    assert_eq!(feed.state.tally().disagreements, 2);
    assert_eq!(
        feed.state.verdict().unwrap().to_string(),
        "the sources disagree by more than 20 %: `a` says 0.4, `b` says 0.6"
    );
    feed.takes("0.50 0.60", "0.55");
}

#[test]
fn two_sources_that_disagree_give_no_value_at_a_cold_start() {
    let mut feed = Feed::new(2);
    feed.disagrees("0.5 5");
    assert_eq!(feed.last(), "-");
    feed.takes("0.5 0.51", "0.505");
}

#[test]
fn the_median_of_three_rides_over_one_liar_and_names_it() {
    for liar in ["0.000001", "1000000"] {
        let mut feed = Feed::at(3, "0.5");
        feed.takes(&format!("0.5 {liar} 0.51"), if liar == "1000000" { "0.51" } else { "0.5" });
        let [first, second, third] = feed.problems().try_into().unwrap();
        assert_eq!((first, third), ("-", "-"));
        assert!(second.starts_with(&format!("it says {liar}, and the median of 3 sources is 0.5")), "{second}");
        feed.takes("0.5 0.5 0.5", "0.5");
        assert_eq!(feed.problems(), ["-", "-", "-"]);
    }
}

#[test]
fn three_sources_that_all_disagree_have_no_value() {
    Feed::at(3, "1").disagrees("0.1 1 10");
    Feed::new(3).disagrees("0.1 1 10");
    Feed::at(4, "0.5").disagrees("0.5 0.5 5 5");
}

#[test]
fn a_cold_start_takes_what_a_single_source_says() {
    Feed::new(1).takes("5", "5");
    Feed::new(2).takes("- 5", "5");
}

#[test]
fn a_cold_start_takes_no_single_answer_that_another_source_contradicted_before() {
    let mut feed = Feed::new(2);
    feed.disagrees("0.5 5");
    feed.disagrees("- 5");
    feed.disagrees("- 5");
    feed.takes("- 5", "5");
}

#[test]
fn no_answer_changes_nothing_but_the_counters() {
    let mut feed = Feed::at(2, "0.5");
    assert_eq!(feed.round("- -"), Verdict::Unanswered);
    assert_eq!(feed.last(), "0.5");
    assert_eq!(feed.problems(), ["down", "down"]);
    feed.takes("0.5 -", "0.5");
    assert_eq!(feed.problems(), ["-", "down"]);
    let counted: Vec<_> = feed.state.lines().iter().map(|line| (line.fetches, line.failures)).collect();
    assert_eq!(counted, [(2, 1), (2, 2)]);
}

#[test]
fn the_age_counts_from_the_fetch_also_across_a_restart() {
    let mut feed = Feed::new(1);
    feed.state.restore(decimal("0.5"), Duration::from_secs(100), feed.now);
    assert_eq!(feed.state.last().unwrap().age(feed.now + Duration::from_secs(7)), Duration::from_secs(107));
    // A moment before the fetch, which another thread may have read.
    assert_eq!(feed.state.last().unwrap().age(feed.now), Duration::from_secs(100));
    feed.takes("0.5", "0.5");
    assert_eq!(feed.state.last().unwrap().age(feed.now), Duration::ZERO);
}

#[test]
fn other_sources_keep_the_last_value_and_what_is_known_of_those_that_stay() {
    let mut feed = Feed::at(2, "0.5");
    feed.refuses("5 -");
    feed.state.replace_sources(&[source("c"), source("a")]);
    assert_eq!(feed.last(), "0.5");
    // `a` still confirms 5, although `b` is gone.
    feed.takes("5 -", "5");
    let mut feed = Feed::at(2, "0.5");
    feed.refuses("5 -");
    feed.state.replace_sources(&[source("c"), source("d")]);
    feed.refuses("5 -");
}

#[test]
fn answers_of_sources_that_were_dropped_meanwhile_are_dropped() {
    let mut feed = Feed::at(2, "0.5");
    feed.state.replace_sources(&[source("b")]);
    let round = vec![(source("a"), Ok(decimal("0.55"))), (source("b"), Ok(decimal("0.51")))];
    assert_eq!(feed.state.observe(round, feed.now), Verdict::Taken(decimal("0.51")));
    feed.state.replace_sources(&[source("c")]);
    assert_eq!(feed.state.observe(vec![(source("b"), Ok(decimal("0.51")))], feed.now), Verdict::Unanswered);
    assert_eq!(feed.state.lines().first().unwrap().fetches, 0);
}
