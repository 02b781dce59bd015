//! Tests of all charts.

use super::*;

const CAPTION: Caption<'_> = Caption { id: "chart", title: "Title", unit: "USD", description: "Description" };

fn axis(number: f64, decimals: usize) -> String {
    format!("{number:.decimals$}")
}

/// All charts of some values, at every size.
fn charts(values: &[f64]) -> Vec<String> {
    let shown: Vec<Bar> = (values.iter().enumerate())
        .map(|(place, value)| Bar {
            label: format!("bar {place}"),
            value: Some(*value),
            whisker: Some((value - 1.0, value + 1.0)),
            note: value.to_string(),
            series: place,
        })
        .collect();
    let rows: Vec<StackedRow> = (values.iter())
        .map(|value| StackedRow { label: "row".to_owned(), parts: vec![(0, *value, "part".to_owned()); 3] })
        .collect();
    let points = values.iter().enumerate();
    let points = points.map(|(place, value)| Point { x: count(place), y: *value, whisker: Some((*value, *value)) });
    let line = [Line { series: 1, points: points.collect() }];
    let mut all = Vec::new();
    for size in [Size::Wide, Size::Narrow, Size::Small] {
        all.push(bars(CAPTION, size, &Bars { bars: &shown, format: axis, at_least: (0.0, 0.0) }).into_string());
        all.push(stacked(CAPTION, size, &rows, axis).into_string());
        let across = HorizontalAxis::Numbers { unit: "days", format: axis, range: None };
        let chart = Lines { lines: &line, across, format: axis, at_least: (0.0, 0.0) };
        all.push(lines(CAPTION, size, &chart).into_string());
    }
    all
}

/// The coordinates in a chart.
fn places(chart: &str) -> Vec<f64> {
    let mut places = Vec::new();
    for name in
        [" x=\"", " y=\"", " x1=\"", " x2=\"", " y1=\"", " y2=\"", " cx=\"", " cy=\"", " width=\"", " height=\""]
    {
        for rest in chart.split(name).skip(1) {
            places.push(rest.split('"').next().unwrap().parse().unwrap());
        }
    }
    for rest in chart.split("points=\"").skip(1) {
        let points = rest.split('"').next().unwrap();
        places.extend(points.split([' ', ',']).map(|place| place.parse::<f64>().unwrap()));
    }
    places
}

#[test]
fn places_are_numbers_within_the_chart_whatever_the_values() {
    let cases: [&[f64]; 9] = [
        &[],
        &[0.0],
        &[5.0],
        &[-3.0, -40.0],
        &[-3.0, 7.0, 1e6],
        &[1e-9, 2e-9],
        &[7.9e28, -7.9e28],
        &[f64::NAN, 1.0, f64::INFINITY],
        &[0.0, 0.0, 0.0],
    ];
    for values in cases {
        for chart in charts(values) {
            let body = chart.split_once("</desc>").unwrap().1;
            assert!(!body.replace("inf", "").contains("NaN\"") && !body.contains("-0\""), "{chart}");
            for place in places(&chart) {
                assert!(place.is_finite() && (-1.0..=5000.0).contains(&place), "{place} of {values:?} in {chart}");
            }
        }
    }
}

#[test]
fn a_chart_is_the_same_every_time() {
    assert_eq!(charts(&[1.0, 2.0, 1e5 / 3.0]), charts(&[1.0, 2.0, 1e5 / 3.0]));
}

#[test]
fn a_million_points_come_to_a_line_that_a_browser_can_draw() {
    let points = (0..1_000_000_u32).map(|x| Point { x: f64::from(x), y: f64::from(x % 1000), whisker: None });
    let line = [Line { series: 0, points: points.collect() }];
    let across = HorizontalAxis::Numbers { unit: "", format: axis, range: None };
    let chart = Lines { lines: &line, across, format: axis, at_least: (0.0, 0.0) };
    let drawn = lines(CAPTION, Size::Wide, &chart).into_string();
    assert!(drawn.len() < 20_000 && drawn.contains("polyline"), "{} bytes", drawn.len());
}

#[test]
fn labels_of_any_number_and_length_leave_each_other_room() {
    let names: Vec<String> = (0..40).map(|place| format!("a value with a long name {place}")).collect();
    let line =
        [Line { series: 0, points: (0..40).map(|x| Point { x: f64::from(x), y: 1.0, whisker: None }).collect() }];
    for names in [&names[..1], &names[..3], &names] {
        let across = HorizontalAxis::Names { unit: "key", names };
        let chart = Lines { lines: &line, across, format: axis, at_least: (0.0, 0.0) };
        let drawn = lines(CAPTION, Size::Narrow, &chart).into_string();
        let mut end = 0.0;
        for label in drawn.split("class=\"tick middle\" x=\"").skip(1) {
            let at: f64 = label.split('"').next().unwrap().parse().unwrap();
            let half = text::width(label.split_once('>').unwrap().1.split('<').next().unwrap()) / 2.0;
            assert!(at - half >= end && at + half <= 359.0, "{drawn}");
            end = at + half;
        }
        assert!(end > 0.0, "no label at all: {drawn}");
    }
}

#[test]
fn what_is_cut_can_still_be_read_and_nothing_is_markup() {
    let name = "</svg><script>alert(1)</script> and a very long name that no chart has room for at all".repeat(3);
    let bar = [Bar { label: name, value: Some(1.0), ..Bar::default() }];
    let drawn = bars(CAPTION, Size::Narrow, &Bars { bars: &bar, format: axis, at_least: (0.0, 0.0) }).into_string();
    assert!(!drawn.contains("<script") && drawn.contains("…") && drawn.contains("<title>&lt;/svg&gt;"), "{drawn}");
}
