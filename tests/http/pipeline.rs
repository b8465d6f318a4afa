//! How far the partitions are.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::site::Site;

#[test]
fn each_partition_says_how_far_it_is() {
    let site = Site::with(|choice| choice.customers = 20);
    let restoring = site.surroundings.partitions.open(5);
    restoring.show(|seen| seen.restore_remaining = 77);
    let threads = site.surroundings.threads.read().expect("nobody panicked");
    threads[0].restoring.store(1, Ordering::Relaxed);

    let answer = site.get("/api/v1/pipeline");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let told = answer.json();
    assert_eq!(told["instance"], "homecoming-7");
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&told["ready"], &told["reason"]), (&json!(false), &json!("restoring 1 partitions")));
    assert_eq!(told["at"], told["partitions"][0]["time"]);
    let running = &told["partitions"][0];
    assert_eq!((&running["partition"], &running["state"]), (&json!(2), &json!("running")));
    assert!(running["customers"].as_u64() > Some(10) && running["timers"].as_u64() > Some(10), "{running}");
    let inputs = json!([
        { "source": "purchases", "backlog": 3, "lag_seconds": 1.5, "idle": false },
        { "source": "support", "backlog": null, "lag_seconds": 0.0, "idle": true },
    ]);
    assert_eq!(running["inputs"], inputs);
    let expected = json!({ "partition": 5, "state": "restoring", "time": null, "customers": 0, "timers": 0,
        "restore_remaining": 77, "inputs": [] });
    assert_eq!(told["partitions"][1], expected);

    threads[0].restoring.store(0, Ordering::Relaxed);
    let told = site.get("/api/v1/pipeline").json();
    assert_eq!((&told["ready"], &told["reason"]), (&json!(true), &json!(null)));
    site.surroundings.stopping.store(true, Ordering::Relaxed);
    assert_eq!(site.get("/api/v1/pipeline").json()["reason"], "shutting down");
}
