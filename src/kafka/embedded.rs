//! An embedded broker for `demo`: librdkafka's mock cluster, in this process, on loopback.
//!
//! It speaks the protocol but keeps no promises: no isolation of transactions, no offsets of transactions, no
//! compaction. Good to watch the service at work; what it promises is proven on real brokers.

use rdkafka::ClientConfig;
use rdkafka::bindings::{rd_kafka_handle_mock_cluster, rd_kafka_mock_group_initial_rebalance_delay_ms};
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer};

use super::client::{passing, unusable};
use crate::pipeline::Fault;

/// A broker that ends with this value.
pub struct EmbeddedBroker(BaseProducer<DefaultProducerContext>);

impl EmbeddedBroker {
    /// Starts a broker with these topics.
    #[allow(unsafe_code)]
    pub fn start<'a>(topics: impl IntoIterator<Item = &'a str>, partitions: i32) -> Result<Self, Fault> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", "embedded").set("test.mock.num.brokers", "1");
        let host: BaseProducer<DefaultProducerContext> = config.create().map_err(unusable("embedded broker"))?;
        // SAFETY: the handle lives as long as `host`, which is kept; the cluster belongs to it.
        unsafe {
            let cluster = rd_kafka_handle_mock_cluster(host.client().native_ptr());
            if cluster.is_null() {
                return Err(Fault::Final("the embedded broker did not start".to_owned()));
            }
            // Three seconds by default, for members that join late; here there are none.
            rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 100);
        }
        let broker = Self(host);
        let cluster = broker.0.client().mock_cluster();
        let cluster = cluster.ok_or_else(|| Fault::Final("the embedded broker did not start".to_owned()))?;
        for topic in topics {
            cluster.create_topic(topic, partitions, 1).map_err(passing("the embedded broker refused a topic"))?;
        }
        drop(cluster);
        Ok(broker)
    }

    /// Where it listens.
    pub fn bootstrap_servers(&self) -> String {
        let cluster: Option<rdkafka::mocking::MockCluster<'_, DefaultProducerContext>> = self.0.client().mock_cluster();
        cluster.map(|cluster| cluster.bootstrap_servers()).unwrap_or_default()
    }
}
