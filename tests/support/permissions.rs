//! Who may do what on a broker: the only use of access lists here, which rdkafka does not offer but the library below it.

#![allow(unsafe_code, reason = "librdkafka's access lists have no safe interface")]

use std::ffi::{CStr, CString};

use rdkafka::ClientConfig;
use rdkafka::bindings::{
    rd_kafka_AclBinding_destroy, rd_kafka_AclBinding_new, rd_kafka_AclOperation_t, rd_kafka_AclPermissionType_t,
    rd_kafka_CreateAcls, rd_kafka_CreateAcls_result_acls, rd_kafka_ResourcePatternType_t, rd_kafka_ResourceType_t,
    rd_kafka_acl_result_error, rd_kafka_error_string, rd_kafka_event_CreateAcls_result, rd_kafka_event_destroy,
    rd_kafka_queue_destroy, rd_kafka_queue_new, rd_kafka_queue_poll,
};
use rdkafka::producer::{BaseProducer, Producer};

use super::cluster::Cluster;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Topic,
    Group,
    TransactionalId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    All,
    Read,
    Write,
    Describe,
}

/// Long, for a broker that has just started on a busy machine.
const ANSWER_WITHIN_MS: i32 = 60_000;

impl Cluster {
    /// Lets `user` do everything with everything.
    pub fn allow_all(&self, user: &str) {
        for resource in [Resource::Topic, Resource::Group, Resource::TransactionalId] {
            self.add_permission(user, true, resource, "*", Operation::All);
        }
    }

    /// Takes one thing away, whatever else is allowed. A `name` of `*` is any.
    pub fn deny(&self, user: &str, resource: Resource, name: &str, operation: Operation) {
        self.add_permission(user, false, resource, name, operation);
    }

    fn add_permission(&self, user: &str, is_allowed: bool, resource: Resource, name: &str, operation: Operation) {
        let text = |text: String| CString::new(text).expect("names hold no zero byte");
        let (name, principal, host) = (text(name.to_owned()), text(format!("User:{user}")), text("*".to_owned()));
        let client: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", self.bootstrap()).create().expect("valid settings");
        let mut complaint = [0; 512];
        // SAFETY: all texts outlive the calls that take them, `complaint` has the length given, and everything that is
        // made here is destroyed after its last use and before the client is.
        unsafe {
            let mut binding = rd_kafka_AclBinding_new(
                kind(resource),
                name.as_ptr(),
                rd_kafka_ResourcePatternType_t::RD_KAFKA_RESOURCE_PATTERN_LITERAL,
                principal.as_ptr(),
                host.as_ptr(),
                right(operation),
                if is_allowed {
                    rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW
                } else {
                    rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_DENY
                },
                complaint.as_mut_ptr(),
                complaint.len(),
            );
            assert!(!binding.is_null(), "no permission: {:?}", CStr::from_ptr(complaint.as_ptr()));
            let native = client.client().native_ptr();
            let answers = rd_kafka_queue_new(native);
            rd_kafka_CreateAcls(native, &mut binding, 1, std::ptr::null(), answers);
            let answer = rd_kafka_queue_poll(answers, ANSWER_WITHIN_MS);
            assert!(!answer.is_null(), "the broker did not answer");
            let mut count = 0;
            let made = rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(answer), &mut count);
            assert_eq!(count, 1, "one was asked for");
            let error = rd_kafka_acl_result_error(*made);
            assert!(error.is_null(), "{user} {resource:?}: {:?}", CStr::from_ptr(rd_kafka_error_string(error)));
            rd_kafka_event_destroy(answer);
            rd_kafka_queue_destroy(answers);
            rd_kafka_AclBinding_destroy(binding);
        }
    }
}

const fn kind(resource: Resource) -> rd_kafka_ResourceType_t {
    match resource {
        Resource::Topic => rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC,
        Resource::Group => rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_GROUP,
        Resource::TransactionalId => rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TRANSACTIONAL_ID,
    }
}

const fn right(operation: Operation) -> rd_kafka_AclOperation_t {
    match operation {
        Operation::All => rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_ALL,
        Operation::Read => rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_READ,
        Operation::Write => rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_WRITE,
        Operation::Describe => rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_DESCRIBE,
    }
}
