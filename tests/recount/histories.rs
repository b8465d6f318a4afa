//! Histories as no shop would wish them, from a seed: late, told twice and told otherwise, refunded before and after,
//! in several currencies, erased and come back, with orders, tickets and ratings at the exact instants where rules
//! end, a millisecond after them, at midnight and in the hours that clocks skip or show twice.
//!
//! Left out is what the definitions do not decide: steps of one ticket at one instant, an erasure that arrives late or
//! twice, ratings of unknown tickets, reopenings more than 60 days after the resolution, and more orders, tickets or
//! events of a customer than are remembered.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use serde_json::{Map, Value, json};

use super::calendar::{Calendar, DAY_MS};
use super::money;

const HOUR_MS: i64 = 3_600_000;
const CURRENCIES: [&str; 6] = ["EUR", "EUR", "EUR", "USD", "JPY", "KWD"];
const CATEGORIES: [&str; 4] = ["broken", "delivery", "billing", "other"];

/// What kind of history it is to be.
pub struct Plan {
    pub seed: u64,
    pub time_zone: String,
    pub first_day: Date,
    pub days: i64,
    pub customers: usize,
    pub activity_days: i64,
    /// Of 100 customers, how many are erased some time.
    pub erased_percent: i64,
}

/// One line, and when it arrives: at its event time or later.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub at: i64,
    pub line: String,
}

/// SplitMix64 (Steele, Lea & Flood 2014).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `bound` - 1.
    pub fn below(&mut self, bound: i64) -> i64 {
        (self.roll() % u64::try_from(bound).expect("above 0")).cast_signed()
    }

    /// A place in something of this length.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(i64::try_from(length).expect("a short list"))).expect("not negative")
    }

    fn percent(&mut self, chance: i64) -> bool {
        self.below(100) < chance
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.index(from.len())]
    }
}

/// The lines in the order of their arrival.
pub fn hostile(plan: &Plan) -> Vec<Arrival> {
    let calendar = Calendar::new(&plan.time_zone);
    let start = calendar.start_of(plan.first_day);
    let mut shop = Shop { plan, calendar, start, dice: Dice::new(plan.seed), told: Vec::new(), serial: 0 };
    for n in 0..plan.customers {
        shop.customer(n);
    }
    let mut told = shop.told;
    told.sort_by_key(|arrival| arrival.at);
    told
}

/// A line that only moves time: a review with somebody who never ordered.
pub fn clock(at: i64) -> String {
    let at = Timestamp::from_millisecond(at).expect("an instant");
    json!({"type": "review_held", "event_id": format!("clock-{at}"), "customer_id": "the-clock", "occurred_at": at.to_string()})
        .to_string()
}

struct Shop<'a> {
    plan: &'a Plan,
    calendar: Calendar,
    start: i64,
    dice: Dice,
    told: Vec<Arrival>,
    serial: u64,
}

impl Shop<'_> {
    fn end(&self) -> i64 {
        self.start + self.plan.days * DAY_MS
    }

    fn customer(&mut self, n: usize) {
        let customer = format!("c-{}-{n}", self.plan.seed);
        let erased_at =
            self.dice.percent(self.plan.erased_percent).then(|| self.start + self.dice.below(self.plan.days * DAY_MS));
        let orders = self.orders();
        for (rank, at) in orders.iter().enumerate() {
            self.order(&customer, rank, *at);
        }
        for rank in 0..self.dice.below(4) {
            self.ticket(&customer, rank, &orders, erased_at);
        }
        if self.dice.percent(30) {
            let at = self.start + self.dice.below(self.plan.days * DAY_MS);
            let (scale, score) = self.score();
            self.tell(&customer, at, json!({"type": "feedback", "scale": scale, "score": score}));
        }
        if self.dice.percent(10) {
            let (at, refund) = (self.start + self.dice.below(self.plan.days * DAY_MS), format!("{customer}-unknown"));
            let currency = self.dice.pick(&CURRENCIES);
            self.refund(&customer, &refund, at, currency);
        }
        if self.dice.percent(20) {
            let at = self.start + self.dice.below(self.plan.days * DAY_MS);
            let fields = json!({"type": "contact_sent", "channel": "email", "purpose": "offer"});
            self.tell(&customer, at, fields);
        }
        if let Some(at) = erased_at {
            self.tell_at(&customer, at, at, json!({"type": "customer_erased"}));
        }
    }

    /// When somebody orders.
    fn orders(&mut self) -> Vec<i64> {
        let mut orders = Vec::new();
        let mut at = self.start + self.dice.below(self.plan.days * DAY_MS * 3 / 4);
        for _ in 0..self.dice.below(9) {
            at = self.snapped(at);
            if at >= self.end() {
                break;
            }
            orders.push(at);
            at = self.next_order(orders[0], at);
        }
        orders
    }

    fn next_order(&mut self, first: i64, last: i64) -> i64 {
        let lapse = self.calendar.same_time_after(last, self.plan.activity_days);
        let tick = self.dice.below(2);
        match self.dice.below(16) {
            0 => last + tick,
            1 | 2 => lapse + tick,
            3 => lapse + 90 * DAY_MS + tick,
            4 | 5 => [30, 60, 90, 180]
                .into_iter()
                .map(|days| first + days * DAY_MS + tick)
                .find(|limit| *limit > last)
                .unwrap_or(last + DAY_MS),
            6 | 7 => last + self.dice.below(DAY_MS),
            8..=11 => last + self.dice.below(12 * DAY_MS),
            12 | 13 => last + self.dice.below(60 * DAY_MS),
            _ => lapse + self.dice.below(120 * DAY_MS),
        }
    }

    /// Some instants are moved to midnight, to just before it, or to where clocks change.
    fn snapped(&mut self, at: i64) -> i64 {
        let tomorrow = self.calendar.day(at).tomorrow().expect("a day of our years");
        let midnight = self.calendar.start_of(tomorrow);
        match self.dice.below(12) {
            0 => midnight,
            1 => midnight - 1,
            2 => self.change_of_clocks(at).unwrap_or(at),
            _ => at,
        }
    }

    /// Within two hours around the next day that is no 24 hours long, if it comes within four weeks.
    fn change_of_clocks(&mut self, at: i64) -> Option<i64> {
        let mut day = self.calendar.day(at).tomorrow().expect("a day of our years");
        for _ in 0..28 {
            let next = day.tomorrow().expect("a day of our years");
            let begins = self.calendar.start_of(day);
            if self.calendar.start_of(next) - begins != DAY_MS {
                return Some(begins + self.dice.below(16) * HOUR_MS / 4);
            }
            day = next;
        }
        None
    }

    fn order(&mut self, customer: &str, rank: usize, at: i64) {
        // Ids do not rank as the orders do.
        let order = format!("{customer}-{}-{rank}", self.dice.below(90) + 10);
        let currency = self.dice.pick(&CURRENCIES);
        let mut fields = self.money(currency);
        fields["type"] = "purchase".into();
        fields["order_id"] = order.as_str().into();
        if self.dice.percent(25) {
            fields["referred_by"] = "c-friend".into();
        }
        let told_at = self.tell(customer, at, fields.clone());
        if self.dice.percent(8) {
            // Told again, and otherwise: the first to arrive stands.
            let other = self.dice.pick(&CURRENCIES);
            let (money, then) = (self.money(other), at - self.dice.below(20 * DAY_MS));
            fields["amount"] = money["amount"].clone();
            fields["currency"] = money["currency"].clone();
            let late = told_at + 1 + self.dice.below(9 * DAY_MS);
            self.tell_at(customer, then, late, fields);
        }
        if self.dice.percent(20) {
            let offset = self.dice.below(32 * DAY_MS) - 2 * DAY_MS;
            let other = self.dice.pick(&CURRENCIES);
            let currency = if self.dice.percent(80) { currency } else { other };
            self.refund(customer, &order, at + offset, currency);
        }
    }

    fn money(&mut self, currency: &str) -> Value {
        let units = if self.dice.percent(4) { 0 } else { self.dice.below(90_000) + 1 };
        let text = money::text(i128::from(units), currency);
        let amount = match self.dice.below(3) {
            0 => serde_json::from_str(&text).expect("a number"),
            1 if text.contains('.') => Value::String(format!("{text}0")),
            _ => Value::String(text),
        };
        json!({"amount": amount, "currency": currency})
    }

    fn refund(&mut self, customer: &str, order: &str, at: i64, currency: &str) {
        let mut fields = self.money(currency);
        fields["type"] = "refund".into();
        fields["order_id"] = order.into();
        self.tell(customer, at, fields);
    }

    /// When a ticket is opened: at some time, with an order, or at the edge of what silence means.
    fn opening(&mut self, orders: &[i64]) -> i64 {
        let any = self.start + self.dice.below(self.plan.days * DAY_MS);
        if orders.is_empty() {
            return any;
        }
        let order = orders[self.dice.index(orders.len())];
        let lapse = self.calendar.same_time_after(order, self.plan.activity_days);
        match self.dice.below(10) {
            0 => order,
            1 => order + 1,
            2 => order - 30 * DAY_MS,
            3 => order - 30 * DAY_MS - 1,
            4 => lapse,
            5 => lapse + 1,
            6 | 7 => order + self.dice.below(20 * DAY_MS),
            _ => any,
        }
    }

    fn ticket(&mut self, customer: &str, rank: i64, orders: &[i64], erased_at: Option<i64>) {
        let ticket = format!("{customer}-t{rank}");
        let opened = self.opening(orders);
        let category = self.dice.pick(&CATEGORIES);
        let mut steps = vec![(opened, json!({"type": "ticket_opened", "category": category}))];
        if self.dice.percent(20) {
            steps.push((opened + 1 + self.dice.below(20 * HOUR_MS), json!({"type": "customer_contacted"})));
        }
        if self.dice.percent(10) {
            steps.push((
                opened + 1 + self.dice.below(3 * DAY_MS),
                json!({"type": "ticket_opened", "category": "advice"}),
            ));
        }
        let took = [HOUR_MS, 5 * HOUR_MS, DAY_MS, DAY_MS + 1, 4 * DAY_MS, 0][self.dice.index(6)];
        if took > 0 {
            steps.push((opened + took, json!({"type": "ticket_resolved"})));
            self.aftermath(customer, opened + took, &mut steps);
        }
        if self.dice.percent(5) {
            // An event of an unseen ticket makes it.
            steps.retain(|(_, step)| step["type"] == "ticket_resolved");
        }
        self.tell_steps(customer, &ticket, steps, erased_at);
    }

    /// What follows a resolution: at once, at the end of a week or of 60 days, or a millisecond after it.
    fn aftermath(&mut self, customer: &str, resolved: i64, steps: &mut Vec<(i64, Value)>) {
        let week = resolved + 7 * DAY_MS;
        let soon = |dice: &mut Dice| match dice.below(4) {
            0 => week,
            1 => week + 1,
            _ => resolved + 1 + dice.below(10 * DAY_MS),
        };
        if self.dice.percent(15) {
            steps.push((soon(&mut self.dice), json!({"type": "customer_contacted"})));
        }
        if self.dice.percent(60) {
            let (scale, score) = self.score();
            steps.push((soon(&mut self.dice), json!({"type": "feedback", "scale": scale, "score": score})));
        }
        let mut settled = resolved;
        if self.dice.percent(30) {
            let reopened = match self.dice.below(6) {
                0 => resolved + 60 * DAY_MS,
                1 => resolved + 20 * DAY_MS,
                _ => soon(&mut self.dice),
            };
            steps.push((reopened, json!({"type": "ticket_reopened"})));
            if self.dice.percent(80) {
                settled = reopened + HOUR_MS + self.dice.below(3 * DAY_MS);
                steps.push((settled, json!({"type": "ticket_resolved"})));
            }
        }
        if self.dice.percent(30) {
            let at = settled + 60 * DAY_MS + self.dice.below(2);
            self.order(customer, 90, at);
        }
    }

    fn score(&mut self) -> (&'static str, f64) {
        match self.dice.below(4) {
            0 => ("nps", self.dice.below(11) as f64),
            1 => ("ces", 1.0 + self.dice.below(13) as f64 / 2.0),
            _ => ("csat", 1.0 + self.dice.below(7) as f64 / 2.0),
        }
    }

    fn tell_steps(&mut self, customer: &str, ticket: &str, steps: Vec<(i64, Value)>, erased_at: Option<i64>) {
        let mut taken = Vec::new();
        for (at, mut fields) in steps {
            if taken.contains(&at) {
                continue;
            }
            taken.push(at);
            fields["ticket_id"] = ticket.into();
            // Of a ticket that was opened before the erasure only resolutions still come after it: anything else would be
            // a riddle of a new ticket. And nothing of it is so late that it would come before its opening is known.
            let is_divided = erased_at.is_some_and(|erased| taken[0] <= erased);
            let arrives = if is_divided { at } else { at + self.delay() };
            let is_forgotten = is_divided && erased_at.is_some_and(|erased| at > erased);
            if !is_forgotten || fields["type"] == "ticket_resolved" {
                self.tell_at(customer, at, arrives, fields);
            }
        }
    }

    /// Most come at once, some within the allowed lateness, some days and a few weeks late.
    fn delay(&mut self) -> i64 {
        match self.dice.below(20) {
            0 => self.dice.below(60 * DAY_MS),
            1 | 2 => self.dice.below(3 * DAY_MS),
            3..=5 => self.dice.below(HOUR_MS),
            _ => 0,
        }
    }

    /// Tells it with some delay, now and then twice; says when it arrived first.
    fn tell(&mut self, customer: &str, at: i64, fields: Value) -> i64 {
        let arrives = at + self.delay();
        self.tell_at(customer, at, arrives, fields)
    }

    fn tell_at(&mut self, customer: &str, at: i64, arrives: i64, fields: Value) -> i64 {
        self.serial += 1;
        let mut line: Map<String, Value> = fields.as_object().expect("fields").clone();
        line.insert("event_id".into(), format!("e-{}-{}", self.plan.seed, self.serial).into());
        line.insert("customer_id".into(), customer.into());
        line.insert("occurred_at".into(), self.written(at).into());
        let is_erasure = line["type"] == "customer_erased";
        let line = Value::Object(line).to_string();
        if !is_erasure && self.dice.percent(8) {
            let again = arrives + self.dice.below(5 * DAY_MS);
            self.told.push(Arrival { at: again, line: line.clone() });
        }
        self.told.push(Arrival { at: arrives, line });
        arrives
    }

    /// An instant as clocks of several countries would show it.
    fn written(&mut self, at: i64) -> String {
        let at = Timestamp::from_millisecond(at).expect("an instant");
        if self.dice.percent(80) {
            return at.to_string();
        }
        let hours = i8::try_from(self.dice.below(25) - 12).expect("a few hours");
        let local = at.to_zoned(TimeZone::fixed(Offset::constant(hours)));
        local.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
    }
}
