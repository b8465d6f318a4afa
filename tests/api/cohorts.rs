//! Customers by the month of their first order.

use std::sync::Arc;

use homecoming::domain::Policy;
use homecoming::store::Partitions;
use serde_json::json;

use crate::shop::{buys, day};
use crate::stage::{Api, Work};

#[test]
fn cohorts_are_told_as_the_rates_tell_them_and_which_partitions_they_are_of() {
    let (policy, partitions) = (Arc::new(Policy::default()), Arc::new(Partitions::default()));
    let api = Api::over(&partitions, &policy);
    assert_eq!(api.answer("/api/v1/cohorts"), json!({"at": null, "partitions": [], "cohorts": []}));
    for (partition, names) in [(3, ["ana", "ben"]), (5, ["cem", "dov"])] {
        let mut work = Work::new(&policy, partitions.open(partition));
        for name in names {
            work.apply(&buys(name, 3.0, "10", "EUR"));
            work.apply(&buys(name, 40.0, "10", "EUR"));
        }
        work.apply(&buys("new", 41.0, "10", "EUR"));
        work.time_is(day(62.0 + f64::from(partition)));
        work.commit();
    }
    // What is being restored is not whole and says nothing.
    partitions.open(7);
    let told = api.answer("/api/v1/cohorts");
    assert_eq!(told["partitions"], json!([3, 5]));
    assert_eq!(told["at"], "2026-03-07T00:00:00Z", "the lesser of the two times");
    let cohort = |month: &str, customers: i64, ordered: &[i64]| json!({"month": month, "customers": customers, "ordered": ordered});
    assert_eq!(told["cohorts"], json!([cohort("2026-01", 4, &[4, 4, 0]), cohort("2026-02", 2, &[2, 0])]));
    assert_eq!(told["cohorts"], api.answer("/api/v1/rates")["cohorts"]);
    assert!(api.refusal("/api/v1/cohorts?month=2026-01").contains("none here"));
}
