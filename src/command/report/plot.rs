//! Plots as inline SVG: shapes by class, so that the style sheet colours them for light, dark and paper.

use std::fmt::{self, Display, Formatter, Write};

use super::text::escaped;

/// In the units of the drawing, about a CSS pixel each.
pub(super) const WIDTH: f64 = 520.0;

/// A drawing with a title and a description for those who can't see it.
pub(super) struct Plot {
    id: &'static str,
    title: String,
    description: String,
    height: f64,
    shapes: String,
}

/// Where the text begins, ends or has its middle.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Plot {
    /// `id` is unique in the page.
    pub(super) fn new(id: &'static str, height: f64, title: &str, description: &str) -> Self {
        Self { id, title: title.to_owned(), description: description.to_owned(), height, shapes: String::new() }
    }

    /// A filled rectangle; a negative width or height goes to the other side. `tip` shows when pointed at.
    pub(super) fn bar(&mut self, class: &str, [x, y, width, height]: [f64; 4], tip: &str) {
        let (x, width) = if width < 0.0 { (x + width, -width) } else { (x, width) };
        let (y, height) = if height < 0.0 { (y + height, -height) } else { (y, height) };
        if width > 0.0 && height > 0.0 {
            let tip = escaped(tip);
            self.add(format_args!(
                r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"><title>{tip}</title></rect>"#
            ));
        }
    }

    /// A line from a point to another.
    pub(super) fn line(&mut self, class: &str, from: [f64; 2], to: [f64; 2]) {
        let ([x1, y1], [x2, y2]) = (from, to);
        self.add(format_args!(r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#));
    }

    /// A line through all points.
    pub(super) fn curve(&mut self, points: &[[f64; 2]]) {
        self.add(format_args!(r#"<polyline class="curve" points="{}"/>"#, joined(points)));
    }

    /// The area between a line and the height `floor`.
    pub(super) fn area(&mut self, points: &[[f64; 2]], floor: f64) {
        if let [first, .., last] = points {
            let ends = joined(&[[last[0], floor], [first[0], floor]]);
            self.add(format_args!(r#"<polygon class="under" points="{} {ends}"/>"#, joined(points)));
        }
    }

    /// A point on a curve.
    pub(super) fn dot(&mut self, class: &str, [x, y]: [f64; 2], tip: &str) {
        let tip = escaped(tip);
        self.add(format_args!(
            r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="4.5"><title>{tip}</title></circle>"#
        ));
    }

    /// Words.
    pub(super) fn text(&mut self, class: &str, anchor: Anchor, [x, y]: [f64; 2], text: &str) {
        let (text, anchor) = (escaped(text), anchor.name());
        self.add(format_args!(r#"<text class="{class}" text-anchor="{anchor}" x="{x:.1}" y="{y:.1}">{text}</text>"#));
    }

    fn add(&mut self, shape: fmt::Arguments<'_>) {
        self.shapes.write_fmt(shape).expect("a String takes everything");
    }
}

impl Display for Plot {
    fn fmt(&self, page: &mut Formatter<'_>) -> fmt::Result {
        let Self { id, height, shapes, .. } = self;
        let (title, description) = (escaped(&self.title), escaped(&self.description));
        write!(
            page,
            r#"<div class="scroll" tabindex="0" role="group" aria-label="{title}">
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{id}-title {id}-desc">
<title id="{id}-title">{title}</title><desc id="{id}-desc">{description}</desc>
{shapes}
</svg></div>"#
        )
    }
}

impl Anchor {
    const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

fn joined(points: &[[f64; 2]]) -> String {
    points.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

/// From values to places along one direction.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// Values from `low` to `high` lie between the places `from` and `to`.
    pub(super) fn new([low, high]: [f64; 2], [from, to]: [f64; 2]) -> Self {
        Self { low, high: if high > low { high } else { low + 1.0 }, from, to }
    }

    /// Where this value lies.
    pub(super) fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Round values within it, about `count` of them.
    pub(super) fn ticks(&self, count: f64) -> Vec<f64> {
        let step = round_up((self.high - self.low) / count);
        let (first, last) = ((self.low / step).ceil() as i64, (self.high / step).floor() as i64);
        (first..=last).map(|n| n as f64 * step).collect()
    }
}

/// The next of 1, 2, 5, 10, 20 …, also of their tenths.
pub(super) fn round_up(value: f64) -> f64 {
    let magnitude = 10f64.powi(value.max(f64::MIN_POSITIVE).log10().floor() as i32);
    let candidates = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * magnitude);
    candidates.into_iter().find(|candidate| *candidate >= value * (1.0 - 1e-9)).unwrap_or(magnitude * 10.0)
}

/// `1.2M`, `340k`, `12`: short, for the side of a plot.
pub(super) fn short(value: f64) -> String {
    let told = |value: f64, unit: &str| format!("{}{unit}", (value * 100.0).round() / 100.0);
    match value.abs() {
        size if size >= 1e9 => told(value / 1e9, "bn"),
        size if size >= 1e6 => told(value / 1e6, "M"),
        size if size >= 1e4 => told(value / 1e3, "k"),
        _ => told(value, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(Scale::new([0.0, 8_476.0], [0.0, 1.0]).ticks(5.0), [0.0, 2_000.0, 4_000.0, 6_000.0, 8_000.0]);
        assert_eq!(Scale::new([-6_689.0, 8_476.0], [0.0, 1.0]).ticks(4.0), [-5_000.0, 0.0, 5_000.0]);
        assert_eq!(Scale::new([0.0, 0.0], [0.0, 1.0]).ticks(2.0), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn a_scale_goes_either_way() {
        let upwards = Scale::new([0.0, 4.0], [100.0, 20.0]);
        assert_eq!([0.0, 1.0, 4.0].map(|value| upwards.at(value)), [100.0, 80.0, 20.0]);
    }

    #[test]
    fn short_numbers_keep_their_size() {
        assert_eq!([0.5, 9_999.0, 12_000.0, 2_500_000.0, -3e9].map(short), ["0.5", "9999", "12k", "2.5M", "-3bn"]);
    }

    #[test]
    fn words_in_a_plot_stay_words() {
        let mut plot = Plot::new("p", 10.0, "a <b>", "c & d");
        plot.text("soft", Anchor::Start, [0.0, 0.0], "</svg><script>");
        plot.bar("is-new", [0.0, 0.0, -3.0, 2.0], "\"tip\"");
        let drawn = plot.to_string();
        assert!(drawn.contains("&lt;/svg&gt;&lt;script&gt;") && drawn.contains("a &lt;b&gt;"), "{drawn}");
        assert!(drawn.contains(r#"x="-3.0" y="0.0" width="3.0" height="2.0"><title>&quot;tip&quot;"#), "{drawn}");
    }
}
