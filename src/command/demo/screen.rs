//! The terminal: stories scroll by, the state of the shop stays at the bottom. Without a terminal, plain lines.

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::signal::Signal;
use super::story::{Sort, Story};
use super::watch::Watch;
use crate::domain::EventTime;
use crate::engine::Totals;

/// Stories a second that a person can read.
const STORIES_A_SECOND: usize = 4;

/// Stories of one sort among these.
const STORIES_OF_A_SORT: usize = 2;

/// Of those who are slipping away, so many are shown.
const MOST_WORTH: usize = 5;

/// Lines of the state: time and counts, rates, who is slipping away, addresses.
const LINES: usize = 4 + MOST_WORTH;

/// How often the state is told where there is no terminal to show it on.
const STATE_EVERY: Duration = Duration::from_secs(5);

pub(super) struct Screen {
    lines: Option<[ProgressBar; LINES]>,
    screen: MultiProgress,
    told: VecDeque<(Instant, Sort)>,
    came_back: u64,
    went_silent: u64,
    recovered: u64,
    watch: Watch,
    was_live: bool,
    last_state: Option<Instant>,
    rate: Rate,
    port: u16,
}

/// Events a second, over the last seconds.
struct Rate(VecDeque<(Instant, u64)>);

impl Rate {
    fn now(&mut self, count: u64) -> f64 {
        let now = Instant::now();
        self.0.push_back((now, count));
        while self.0.len() > 2 && now - self.0[0].0 > Duration::from_secs(5) {
            self.0.pop_front();
        }
        let (then, before) = self.0[0];
        (count - before) as f64 / (now - then).as_secs_f64().max(0.25)
    }
}

impl Screen {
    pub(super) fn new(port: u16, customers: u32, speed: Duration) -> Self {
        let screen = MultiProgress::new();
        let lines = std::io::stderr().is_terminal().then(|| {
            [(); LINES].map(|()| {
                let line = screen.add(ProgressBar::new_spinner());
                line.set_style(
                    ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
                );
                line
            })
        });
        let shown = Self {
            lines,
            screen,
            told: VecDeque::new(),
            came_back: 0,
            went_silent: 0,
            recovered: 0,
            watch: Watch::default(),
            was_live: false,
            last_state: None,
            rate: Rate(VecDeque::new()),
            port,
        };
        let days = speed.as_secs_f64() / 86_400.0;
        shown.say(&format!(
            "{} a shop with {customers} customers: 180 days of history, then live, {days:.2} days a second",
            style("homecoming demo").bold()
        ));
        shown
    }

    fn say(&self, line: &str) {
        if self.lines.is_some() {
            // A terminal that is gone has nobody to tell.
            let _unseen = self.screen.println(line);
        } else {
            println!("{line}");
        }
    }

    /// Counts a story and, if it happened since the shop is live and there is time to read it, tells it. No sort
    /// takes more than its share.
    pub(super) fn tell(&mut self, signal: Signal, live_from: EventTime) {
        let story = Story::of(&signal);
        self.watch.hear(signal);
        let Some(story) = story else { return };
        match story.sort {
            Sort::WentSilent => self.went_silent += 1,
            Sort::SlippingAway | Sort::Calmer => {}
            Sort::Reactivated | Sort::SecondPurchase | Sort::Repeat => self.came_back += 1,
            Sort::Recovered => (self.came_back, self.recovered) = (self.came_back + 1, self.recovered + 1),
        }
        let now = Instant::now();
        while self.told.front().is_some_and(|(told, _)| now - *told > Duration::from_secs(1)) {
            self.told.pop_front();
        }
        let of_this_sort = self.told.iter().filter(|(_, sort)| *sort == story.sort).count();
        let has_room = self.told.len() < STORIES_A_SECOND && of_this_sort < STORIES_OF_A_SORT;
        if story.at.is_some_and(|at| at >= live_from) && has_room {
            self.told.push_back((now, story.sort));
            self.say(&story.line);
        }
    }

    pub(super) fn refresh(&mut self, shop_time_ms: i64, events: u64, is_live: bool, totals: &Totals) {
        if is_live && !self.was_live {
            self.was_live = true;
            let page = format!("http://127.0.0.1:{}/", self.port);
            self.say(&format!(
                "{events} events of history are written; the shop is live: {} shows it",
                style(page).bold()
            ));
        }
        let state = self.state(shop_time_ms, events, totals);
        if let Some(lines) = &self.lines {
            for (place, line) in lines.iter().enumerate() {
                line.set_message(state.get(place).cloned().unwrap_or_default());
            }
        } else if self.last_state.is_none_or(|last| last.elapsed() >= STATE_EVERY) {
            self.last_state = Some(Instant::now());
            state.iter().for_each(|line| println!("{line}"));
        }
    }

    fn state(&mut self, shop_time_ms: i64, events: u64, totals: &Totals) -> Vec<String> {
        let time = EventTime::from_millis(shop_time_ms).to_string();
        let percent = |part: i64, whole: i64| if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
        let rate = self.rate.now(events);
        let (active, at_risk) = (totals.active(), self.watch.len());
        let mut state = vec![
            format!(
                "{}  {events} events in ({rate:.0}/s)   {} came back, {} of them after a solved problem   {} went silent",
                style(time.get(..16).unwrap_or_default().replace('T', " ")).bold(),
                style(self.came_back).green().bold(),
                style(self.recovered).green(),
                style(self.went_silent).red().bold(),
            ),
            format!(
                "repeat purchase rate {} of {} customers ever (aim for 27 %)   returning orders {}   {active} active, {} lapsed",
                style(format!("{:.1} %", percent(totals.repeat_customers, totals.customers))).bold(),
                totals.customers,
                style(format!("{:.1} %", percent(totals.returning_orders, totals.orders))).bold(),
                totals.customers - active,
            ),
            format!("{} are slipping away; worth most:", style(at_risk).yellow().bold()),
        ];
        state.extend(self.watch.most_worth(MOST_WORTH));
        let addresses = "live page: http://127.0.0.1:{port}/   metrics: http://127.0.0.1:{port}/metrics   Ctrl-C ends";
        state.push(style(addresses.replace("{port}", &self.port.to_string())).dim().to_string());
        state
    }

    /// Leaves the last state on the screen.
    pub(super) fn finish(&self) {
        for line in self.lines.iter().flatten() {
            line.abandon();
        }
    }
}
