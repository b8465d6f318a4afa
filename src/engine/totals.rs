//! Live counts of one partition. They add up over partitions and pods; ratios are made by whoever reads them.

use crate::domain::{Customer, Level};

/// What one customer adds to the totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contribution {
    orders: u32,
    level: Level,
}

impl Contribution {
    /// What this customer adds.
    pub fn of(customer: &Customer) -> Self {
        Self { orders: customer.purchases.count(), level: customer.standing.level }
    }
}

/// Counts of customers and orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Customers with at least one order.
    pub customers: i64,
    /// Customers with at least two orders.
    pub repeat_customers: i64,
    /// Orders.
    pub orders: i64,
    /// Orders but for each customer's first.
    pub returning_orders: i64,
    /// Orders of customers who were forgotten since, anonymous: part of `orders`.
    pub erased_orders: i64,
    /// The same of `returning_orders`.
    pub erased_returning_orders: i64,
    /// Customers with at least one order, by level in the order of [`Level::ALL`].
    pub by_level: [i64; 4],
}

impl Totals {
    /// Customers at this level.
    pub fn at(&self, level: Level) -> i64 {
        self.by_level[level as usize]
    }

    /// Whether the counts can be true together.
    pub fn add_up(&self) -> bool {
        let by_level: i64 = self.by_level.iter().sum();
        let is_possible = self.by_level.iter().all(|count| *count >= 0)
            && (0..=self.customers).contains(&self.repeat_customers)
            && (0..=self.returning_orders).contains(&self.erased_returning_orders);
        is_possible && by_level == self.customers && self.orders - self.erased_orders >= self.customers
    }

    /// Customers who have not lapsed.
    pub fn active(&self) -> i64 {
        self.customers - self.at(Level::Lapsed)
    }

    /// Adds what a customer contributes.
    pub fn add(&mut self, contribution: &Contribution) {
        self.count(contribution, 1);
    }

    /// Takes away what a customer contributed.
    pub fn remove(&mut self, contribution: &Contribution) {
        self.count(contribution, -1);
    }

    /// Adds the totals of another partition.
    pub fn merge(&mut self, other: &Self) {
        self.customers += other.customers;
        self.repeat_customers += other.repeat_customers;
        self.orders += other.orders;
        self.returning_orders += other.returning_orders;
        self.erased_orders += other.erased_orders;
        self.erased_returning_orders += other.erased_returning_orders;
        for (mine, theirs) in self.by_level.iter_mut().zip(other.by_level) {
            *mine += theirs;
        }
    }

    /// A customer is about to be forgotten: their orders stay counted, though nobody's.
    pub fn erase(&mut self, contribution: &Contribution) {
        let orders = i64::from(contribution.orders);
        self.recall_erased(orders, (orders - 1).max(0));
    }

    /// Adds orders of customers who were forgotten.
    pub fn recall_erased(&mut self, orders: i64, returning_orders: i64) {
        self.orders += orders;
        self.returning_orders += returning_orders;
        self.erased_orders += orders;
        self.erased_returning_orders += returning_orders;
    }

    fn count(&mut self, contribution: &Contribution, sign: i64) {
        if contribution.orders == 0 {
            return;
        }
        self.customers += sign;
        self.repeat_customers += if contribution.orders > 1 { sign } else { 0 };
        self.orders += sign * i64::from(contribution.orders);
        self.returning_orders += sign * i64::from(contribution.orders - 1);
        self.by_level[contribution.level as usize] += sign;
    }
}
