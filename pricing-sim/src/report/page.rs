//! The frame of a report, and figures for reports of other crates.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{Caption, HorizontalAxis, Line, Lines, Point, lines};
use super::number;
use super::parts::{self, Column, clean};

/// The style sheet.
const STYLE: &str = include_str!("style.css");
/// The content security policy: nothing is loaded and nothing runs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// A whole page. `over` is the kind of report, shown above the title.
#[must_use]
pub fn page(over: &str, title: &str, body: &Markup) -> String {
    let title = clean(title);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (title) " – " (over.to_lowercase()) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header {
                        p class="over" { (over) }
                        h1 { (title) }
                    }
                    (body)
                }
            }
        }
    };
    page.into_string()
}

/// A text of others, made harmless to show.
#[must_use]
pub fn shown(text: &str) -> String {
    clean(text)
}

/// A line chart with its numbers in a table.
#[derive(Clone, Copy, Debug)]
pub struct LineFigure<'a> {
    /// An identifier that is unique on the page.
    pub id: &'a str,
    /// The title.
    pub title: &'a str,
    /// The unit of the vertical axis.
    pub unit: &'a str,
    /// What the chart shows, for people who cannot see it.
    pub description: &'a str,
    /// The title of the horizontal axis.
    pub across: &'a str,
    /// The lines, each with its name and its points from left to right.
    pub lines: &'a [NamedLine],
    /// The names of the table's columns. The first is a text, the others are numbers.
    pub columns: &'a [&'a str],
    /// The table's rows.
    pub rows: &'a [Vec<String>],
}

/// A line with a name, which the legend has.
#[derive(Clone, Debug)]
pub struct NamedLine {
    /// The name.
    pub name: String,
    /// Its points.
    pub points: Vec<LinePoint>,
}

/// A point of a line.
#[derive(Clone, Copy, Debug)]
pub struct LinePoint {
    /// The horizontal coordinate.
    pub x: f64,
    /// The vertical coordinate.
    pub y: f64,
    /// The lower and the upper end of its error bar.
    pub ends: Option<(f64, f64)>,
}

/// Draws a line chart. Its vertical axis need not begin at 0.
#[must_use]
pub fn line_figure(figure: &LineFigure<'_>) -> Markup {
    let line = |(series, line): (usize, &NamedLine)| Line {
        series,
        points: line.points.iter().map(|point| Point { x: point.x, y: point.y, whisker: point.ends }).collect(),
    };
    let all: Vec<Line> = figure.lines.iter().enumerate().map(line).collect();
    let first = figure.lines.iter().flat_map(|line| &line.points).map(|point| point.y).next().unwrap_or(0.0);
    let across = HorizontalAxis::Numbers { unit: figure.across, format: number::axis, range: None };
    let chart = Lines { lines: &all, across, format: number::axis, at_least: (first, first) };
    let caption = Caption { id: figure.id, title: figure.title, unit: figure.unit, description: figure.description };
    let names: Vec<(usize, String)> = figure.lines.iter().map(|line| line.name.clone()).enumerate().collect();
    let key = if names.len() > 1 {
        parts::legend(&names)
    } else {
        html! {}
    };
    let column = |(place, name): (usize, &&str)| if place == 0 { parts::text(*name) } else { parts::numbers(*name) };
    let columns: Vec<Column> = figure.columns.iter().enumerate().map(column).collect();
    let table = parts::table(figure.title, &columns, figure.rows);
    parts::figure(caption, &key, &|size| lines(caption, size, &chart), &table)
}
