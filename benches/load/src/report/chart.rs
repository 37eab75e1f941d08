//! Charts as SVG, without any library.

/// Of a picture, in its own units.
pub(super) const WIDTH: f64 = 900.0;
/// Of one chart.
pub(super) const HEIGHT: f64 = 250.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 32.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 42.0;

/// Of curves, by their place; they can be told apart in grey, too.
const COLORS: [&str; 3] = ["#0b5cad", "#d1730b", "#a3123f"];

/// Where a value lies on an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    /// From zero.
    Linear {
        max: f64,
    },
    Logarithmic {
        min: f64,
        max: f64,
    },
}

impl Scale {
    /// From zero to a round number that is not exceeded.
    pub(super) fn linear(values: impl Iterator<Item = f64>) -> Self {
        let max = values.fold(0.0, f64::max);
        let step = step(max);
        Self::Linear { max: ((max / step).ceil() * step).max(step) }
    }

    /// From one power of ten to another.
    pub(super) fn logarithmic(values: impl Iterator<Item = f64> + Clone) -> Self {
        let positive = values.filter(|value| *value > 0.0);
        let min = positive.clone().fold(f64::INFINITY, f64::min).min(1e12);
        let max = positive.fold(min, f64::max);
        let min = min.log10().floor();
        Self::Logarithmic { min: 10_f64.powf(min), max: 10_f64.powf(max.log10().ceil().max(min + 1.0)) }
    }

    /// 0 at one end, 1 at the other.
    fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear { max } => value / max,
            Self::Logarithmic { min, max } => (value.max(min) / min).log10() / (max / min).log10(),
        }
    }

    fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear { max } => {
                let step = step(max);
                (0..=(max / step).round() as u32).map(|index| f64::from(index) * step).collect()
            }
            Self::Logarithmic { min, max } => {
                let count = (max / min).log10().round() as i32;
                (0..=count).map(|power| min * 10_f64.powi(power)).collect()
            }
        }
    }
}

/// A round distance of ticks, of which there are about five.
fn step(max: f64) -> f64 {
    if max <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf((max / 5.0).log10().floor());
    let wanted = max / 5.0 / power;
    power * [1.0, 2.0, 5.0].into_iter().find(|step| *step >= wanted).unwrap_or(10.0)
}

pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) scale: Scale,
    /// What to write at a tick.
    pub(super) tick: fn(f64) -> String,
}

pub(super) struct Curve {
    pub(super) name: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

pub(super) struct Chart {
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) curves: Vec<Curve>,
}

impl Chart {
    /// Draws it so far below the top of the picture.
    pub(super) fn draw(&self, out: &mut String, top: f64) {
        let mut lines = vec![format!(r#"<g transform="translate(0 {top})">"#)];
        lines.push(text(LEFT, 20.0, "start", "title", &self.title));
        self.draw_axes(&mut lines);
        for (index, curve) in self.curves.iter().enumerate() {
            let color = COLORS[index % COLORS.len()];
            let points: Vec<_> = curve
                .points
                .iter()
                .map(|(x, y)| format!("{:.1},{:.1}", self.x_of(*x), self.y_of(*y)))
                .collect();
            lines.push(format!(r#"<polyline points="{}" stroke="{color}"/>"#, points.join(" ")));
            if self.curves.len() > 1 {
                let x = WIDTH - RIGHT - 70.0 * (self.curves.len() - index) as f64;
                lines.push(format!(r#"<path d="M{x} 16h18" stroke="{color}"/>"#));
                lines.push(text(x + 24.0, 20.0, "start", "", curve.name));
            }
        }
        lines.push("</g>".to_owned());
        lines.iter().for_each(|line| out.extend([line.as_str(), "\n"]));
    }

    fn draw_axes(&self, lines: &mut Vec<String>) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for tick in self.y.scale.ticks() {
            let y = self.y_of(tick);
            lines.push(format!(r#"<path class="grid" d="M{LEFT} {y:.1}H{right}"/>"#));
            lines.push(text(LEFT - 8.0, y + 4.0, "end", "", &(self.y.tick)(tick)));
        }
        for tick in self.x.scale.ticks() {
            let x = self.x_of(tick);
            lines.push(format!(r#"<path class="grid" d="M{x:.1} {TOP}V{bottom}"/>"#));
            lines.push(text(x, bottom + 16.0, "middle", "", &(self.x.tick)(tick)));
        }
        lines.push(text((LEFT + right) / 2.0, HEIGHT - 8.0, "middle", "", self.x.label));
        let middle = (TOP + bottom) / 2.0;
        let label = text(-middle, 16.0, "middle", "", self.y.label);
        lines.push(format!(r#"<g transform="rotate(-90)">{label}</g>"#));
    }

    fn x_of(&self, value: f64) -> f64 {
        LEFT + self.x.scale.place(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y_of(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.scale.place(value) * (HEIGHT - TOP - BOTTOM)
    }
}

fn text(x: f64, y: f64, anchor: &str, class: &str, text: &str) -> String {
    let text = escaped(text);
    format!(r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{text}</text>"#)
}

/// Text as XML has it.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_scales_begin_at_zero_and_end_at_a_round_number() {
        let scale = Scale::linear([310.0, 1730.0].into_iter());
        assert_eq!(scale, Scale::Linear { max: 2000.0 });
        assert_eq!(scale.ticks(), [0.0, 500.0, 1000.0, 1500.0, 2000.0]);
        assert_eq!(scale.place(500.0), 0.25);
        assert_eq!(Scale::linear([].into_iter()), Scale::Linear { max: 1.0 });
    }

    #[test]
    fn logarithmic_scales_go_from_power_to_power() {
        let scale = Scale::logarithmic([0.0, 20.0, 9000.0].into_iter());
        assert_eq!(scale, Scale::Logarithmic { min: 10.0, max: 10_000.0 });
        assert_eq!(scale.ticks(), [10.0, 100.0, 1000.0, 10_000.0]);
        assert!((scale.place(1000.0) - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(scale.place(0.0), 0.0);
        let Scale::Logarithmic { min, max } = Scale::logarithmic([].into_iter()) else { panic!() };
        assert!(min < max && max.is_finite());
    }

    #[test]
    fn what_others_have_named_is_escaped() {
        assert_eq!(escaped("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }
}
