//! The YAML that is accepted, and what it means.

use super::{Entry, Kind, Node, Value, parse};

/// Writes a tree as one line: numbers as decimals, `?` for null.
fn shown(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) => match scalar.kind() {
            Kind::Null => "?".to_owned(),
            Kind::Bool(value) => format!("{value}!"),
            Kind::Number => scalar.number().unwrap().decimal().unwrap_or_else(|| "NaN".to_owned()),
            Kind::Text => format!("'{}'", scalar.text()),
        },
        Value::List(items) => format!("[{}]", items.iter().map(|item| shown(item)).collect::<Vec<_>>().join(" ")),
        Value::Map(entries) => {
            let shown = |e: &Entry| format!("{}{}={}", e.key, if e.repeated { "(again)" } else { "" }, shown(&e.value));
            let mut entries: Vec<_> = entries.iter().map(shown).collect();
            entries.sort();
            format!("{{{}}}", entries.join(" "))
        }
    }
}

fn tree(text: &str) -> String {
    parse(text).map_or_else(|error| error.to_string(), |first| shown(&first.root))
}

#[test]
fn plain_words_follow_the_core_schema() {
    for (text, meaning) in [
        ("true", "true!"),
        ("False", "false!"),
        ("tRue", "'tRue'"),
        ("yes", "'yes'"),
        ("off", "'off'"),
        ("~", "?"),
        ("Null", "?"),
        ("nULL", "'nULL'"),
        ("12", "12"),
        ("-3", "-3"),
        ("+1", "1"),
        ("017", "017"),
        ("0o17", "15"),
        ("0x1F", "31"),
        ("0b11", "3"),
        ("0xG", "'0xG'"),
        ("1_000", "'1_000'"),
        ("1.50", "1.50"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("1.5E+3", "1500"),
        ("25e-3", "0.025"),
        ("1e400", "NaN"),
        (".inf", "NaN"),
        (".nan", "NaN"),
        ("1.2.3", "'1.2.3'"),
        ("e3", "'e3'"),
        ("'12'", "'12'"),
        ("\"true\"", "'true'"),
        ("!!str 5", "'5'"),
        ("! 5", "'5'"),
        ("!!int \"5\"", "5"),
        ("!!float 5", "5"),
        ("!!bool true", "true!"),
        ("!!null ~", "?"),
        ("|\n  x\n  y", "'x\ny\n'"),
        (">-\n  x\n  y", "'x y'"),
    ] {
        assert_eq!(tree(&format!("a: {text}\n")), format!("{{a={meaning}}}"), "{text}");
    }
}

#[test]
fn anchors_aliases_and_merges_are_resolved() {
    for (text, meaning) in [
        ("a: &x {k: 1}\nb: *x", "{a={k=1} b={k=1}}"),
        ("&a a: *a", "{a='a'}"),
        ("a: &x b\n*x : 1", "{a='b' b=1}"),
        ("<<: {a: 1}\na: 2", "{a=2}"),
        ("a: 2\n<<: {a: 1, b: 3}", "{a=2 b=3}"),
        ("a: &x {k: 1}\nb: {<<: [*x, {k: 2, j: 3}], l: 4}", "{a={k=1} b={j=3 k=1 l=4}}"),
        ("a: &x {k: 1}\nb: {<<: *x, <<: {z: 1}}", "{a={k=1} b={k=1 z=1}}"),
        ("\"<<\": {a: 1}", "{<<={a=1}}"),
        ("a: &x 1\nb: &x 2\nc: *x", "{a=1 b=2 c=2}"),
    ] {
        assert_eq!(tree(text), meaning, "{text}");
    }
}

#[test]
fn documents_may_be_dressed_up() {
    for text in [
        "a: 1",
        "\u{feff}a: 1",
        "---\na: 1\n...\n",
        "%YAML 1.2\n---\na: 1",
        "# x\na: 1 # y\n",
        "{\"a\": 1}",
        "{a: 1}",
        "a: 1\r\n",
        "!!map {a: 1}",
    ] {
        assert_eq!(tree(text), "{a=1}", "{text:?}");
    }
    assert_eq!(tree("1: 2\ntrue: 3\n~: 4"), "{1=2 true=3 ~=4}");
}

#[test]
fn what_is_not_one_plain_document_is_refused_at_its_place() {
    for (text, answer) in [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("a: 1\na: 2", "{a(again)=2 a=1}"),
        ("a: {b: 1, 'b': 2}", "{a={b(again)=2 b=1}}"),
        ("a: 1\n---\nb: 2", "{a=1}"),
        ("[a]: 1", "line 1, column 1: a list or mapping as a key; expected text"),
        ("? {a: 1}\n: 2", "line 1, column 3: a list or mapping as a key; expected text"),
        ("a: &x [*x]", "line 1, column 8: the alias refers to a value that contains it"),
        ("a: &x {b: *x}", "line 1, column 11: the alias refers to a value that contains it"),
        ("a: &x 5\n*x : 1", "line 2, column 1: an alias as a key; expected one that names text"),
        ("<<: 5", "line 1, column 5: `<<` merges mappings; this is not a mapping"),
        ("<<: [5]", "line 1, column 6: `<<` merges mappings; this is not a mapping"),
        ("a: !foo 5", "line 1, column 4: the tag `!foo` is not supported here"),
        ("a: !!binary aGk=", "line 1, column 4: the tag `tag:yaml.org,2002:binary` is not supported here"),
        ("a: !!int x", "line 1, column 4: `x` is not what its tag `tag:yaml.org,2002:int` says"),
        ("a: !!set {b}", "line 1, column 4: the tag `tag:yaml.org,2002:set` is not supported here"),
    ] {
        let found = tree(text);
        assert!(found.starts_with(answer), "{text:?}: {found}");
    }
}

#[test]
fn what_is_no_yaml_is_refused_at_its_place() {
    for text in [
        "a: *nope",
        "a:\n\t- 1",
        "a: b: c",
        "a: [1,2",
        "a: @x",
        "a: `x",
        "a: \"x",
        "- a\nb",
        "\u{0}",
        "a: {",
        "}",
        "%",
        "a: !<x",
        "a: \"\\q\"",
        "&",
        "*",
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.line().is_some() && error.column().is_some(), "{text:?}: {error}");
    }
}
