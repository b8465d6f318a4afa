//! librdkafka's transactional producer.
//!
//! Of a request that broke off or timed out, and so was sent again, librdkafka tells nobody but its interceptors, and
//! those have to be there before the client is made. rdkafka's own producers leave no place for them.
//!
//! All events are served by whoever owns the producer: there is no thread for them.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::bindings::*;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientConfig, Statistics};

/// Requests that do something in a transaction: Produce, AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, TxnOffsetCommit.
const OF_TRANSACTIONS: [i16; 5] = [0, 24, 25, 26, 28];

/// Instead of a partition: that of the key.
const OF_THE_KEY: i32 = -1;

/// How long the end of a transaction is waited for before the call is repeated: whoever waits is to say that they live.
const END_WITHIN_MS: c_int = 10_000;

/// How long a producer that is given up may take to settle what it still holds.
const SETTLE_WITHIN_MS: c_int = 500;

/// What librdkafka tells.
#[derive(Default)]
struct Told {
    /// A request of a transaction broke off or timed out: whether it was carried out nobody knows, and it may be still.
    is_tainted: AtomicBool,
    /// The first record of the transaction that was not accepted: its topic, and why.
    undelivered: Mutex<Option<(String, RDKafkaErrorCode)>>,
    queued_bytes: AtomicU64,
}

/// Why a call failed, and what may be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallError {
    pub(super) code: RDKafkaErrorCode,
    /// The same call may be made again.
    pub(super) is_retriable: bool,
    /// The transaction has to be aborted.
    pub(super) requires_abort: bool,
    pub(super) text: String,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A transactional producer.
pub(super) struct TransactionalProducer {
    client: *mut rd_kafka_t,
    /// The topics written to so far, as librdkafka knows them.
    topics: Vec<(String, *mut rd_kafka_topic_t)>,
    /// Told of by the client's threads as long as it lives.
    told: Arc<Told>,
}

// SAFETY: any thread may use librdkafka's clients.
#[allow(unsafe_code)]
unsafe impl Send for TransactionalProducer {}

#[allow(unsafe_code)]
impl TransactionalProducer {
    pub(super) fn new(config: &ClientConfig) -> KafkaResult<Self> {
        let native = ManuallyDrop::new(config.create_native_config()?);
        let told = Arc::<Told>::default();
        let opaque = Arc::as_ptr(&told).cast_mut().cast();
        let mut reason: [c_char; 512] = [0; 512];
        // SAFETY: the configuration lives until the client takes it over; what all that is called is told of, `told`,
        // outlives the client, as `drop` sees to.
        let client = unsafe {
            let conf = native.ptr();
            rd_kafka_conf_set_opaque(conf, opaque);
            rd_kafka_conf_set_dr_msg_cb(conf, Some(on_delivery));
            rd_kafka_conf_set_stats_cb(conf, Some(on_statistics));
            rd_kafka_conf_set_error_cb(conf, Some(on_error));
            rd_kafka_conf_set_log_cb(conf, Some(on_log));
            rd_kafka_conf_interceptor_add_on_new(conf, NAME.as_ptr(), Some(on_new), opaque);
            rd_kafka_new(rd_kafka_type_t::RD_KAFKA_PRODUCER, conf, reason.as_mut_ptr(), reason.len())
        };
        if client.is_null() {
            // The configuration is still ours.
            drop(ManuallyDrop::into_inner(native));
            // SAFETY: librdkafka ends its reason with a zero.
            return Err(KafkaError::ClientCreation(unsafe { text(reason.as_ptr()) }));
        }
        // SAFETY: the client was just made.
        unsafe { rd_kafka_set_log_level(client, config.log_level as c_int) };
        Ok(Self { client, topics: Vec::new(), told })
    }

    /// Serves what librdkafka has to tell but for [`TransactionalProducer::is_tainted`], which is told at once.
    pub(super) fn serve(&self) {
        // SAFETY: the client lives as long as `self`, here and below.
        unsafe { rd_kafka_poll(self.client, 0) };
    }

    pub(super) fn is_tainted(&self) -> bool {
        self.told.is_tainted.load(Ordering::Relaxed)
    }

    pub(super) fn queued_bytes(&self) -> u64 {
        self.told.queued_bytes.load(Ordering::Relaxed)
    }

    /// Takes out the first record that was not accepted, if there was one: its topic, and why.
    pub(super) fn take_undelivered(&self) -> Option<(String, KafkaError)> {
        let undelivered = self.told.undelivered.lock().unwrap_or_else(PoisonError::into_inner).take();
        undelivered.map(|(topic, code)| (topic, KafkaError::MessageProduction(code)))
    }

    pub(super) fn init(&self, within: Duration) -> Result<(), CallError> {
        checked(unsafe { rd_kafka_init_transactions(self.client, within.as_millis() as c_int) })
    }

    pub(super) fn begin(&self) -> Result<(), CallError> {
        checked(unsafe { rd_kafka_begin_transaction(self.client) })
    }

    /// Queues a record. Without a partition it goes to that of its key.
    pub(super) fn send(
        &mut self,
        topic: &str,
        partition: Option<i32>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
    ) -> Result<(), RDKafkaErrorCode> {
        let topic = self.topic(topic)?;
        let parts = |bytes: Option<&[u8]>| bytes.map_or((null_mut(), 0), |b| (b.as_ptr().cast_mut().cast(), b.len()));
        let ((key, key_size), (value, value_size)): ((*mut c_void, usize), (*mut c_void, usize)) =
            (parts(key), parts(value));
        // SAFETY: what is pointed to lives as long as the call, which copies it; headers are taken over by a call that
        // succeeds.
        unsafe {
            let all = if headers.is_empty() { null_mut() } else { rd_kafka_headers_new(headers.len()) };
            for (name, value) in headers {
                let (value, size) = parts(*value);
                rd_kafka_header_add(all, name.as_ptr().cast(), name.len() as isize, value, size as isize);
            }
            let answer = rd_kafka_producev(
                self.client,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_RKT,
                topic,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_PARTITION,
                partition.unwrap_or(OF_THE_KEY),
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS,
                RD_KAFKA_MSG_F_COPY,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_KEY,
                key,
                key_size,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE,
                value,
                value_size,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADERS,
                all,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
            );
            if answer == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Ok(());
            }
            if !all.is_null() {
                rd_kafka_headers_destroy(all);
            }
            Err(answer.into())
        }
    }

    fn topic(&mut self, name: &str) -> Result<*mut rd_kafka_topic_t, RDKafkaErrorCode> {
        if let Some((_, topic)) = self.topics.iter().find(|(known, _)| known == name) {
            return Ok(*topic);
        }
        let c_name = CString::new(name).map_err(|_| RDKafkaErrorCode::InvalidArgument)?;
        // SAFETY: a C string and no configuration of its own; given back by `drop`.
        let topic = unsafe { rd_kafka_topic_new(self.client, c_name.as_ptr(), null_mut()) };
        if topic.is_null() {
            return Err(unsafe { rd_kafka_last_error() }.into());
        }
        self.topics.push((name.to_owned(), topic));
        Ok(topic)
    }

    /// Waits until all that was queued is acknowledged or given up; says how many records are still neither.
    pub(super) fn drain(&self, within: Duration) -> usize {
        unsafe { rd_kafka_flush(self.client, within.as_millis() as c_int) };
        unsafe { rd_kafka_outq_len(self.client) }.try_into().unwrap_or(0)
    }

    /// Adds offsets on behalf of a member of the group.
    pub(super) fn send_offsets<C: ConsumerContext>(
        &self,
        offsets: &TopicPartitionList,
        member: &BaseConsumer<C>,
        within: Duration,
    ) -> Result<(), CallError> {
        // SAFETY: both clients live as long as the call, and the member's metadata is given back.
        unsafe {
            let group = rd_kafka_consumer_group_metadata(member.client().native_ptr());
            if group.is_null() {
                let (code, text) = (RDKafkaErrorCode::UnknownGroup, "not a member of the group".to_owned());
                return Err(CallError { code, is_retriable: false, requires_abort: true, text });
            }
            let within = within.as_millis() as c_int;
            let sent = rd_kafka_send_offsets_to_transaction(self.client, offsets.ptr(), group, within);
            rd_kafka_consumer_group_metadata_destroy(group);
            checked(sent)
        }
    }

    pub(super) fn commit(&self) -> Result<(), CallError> {
        checked(unsafe { rd_kafka_commit_transaction(self.client, END_WITHIN_MS) })
    }

    pub(super) fn abort(&self) -> Result<(), CallError> {
        checked(unsafe { rd_kafka_abort_transaction(self.client, END_WITHIN_MS) })
    }
}

impl Drop for TransactionalProducer {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: topics and client are ours to give back, once and in this order; no thread of the client is left then.
        unsafe {
            rd_kafka_purge(self.client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
            rd_kafka_flush(self.client, SETTLE_WITHIN_MS);
            self.topics.drain(..).for_each(|(_, topic)| rd_kafka_topic_destroy(topic));
            rd_kafka_destroy(self.client);
        }
    }
}

/// What an answer says; gives it back.
#[allow(unsafe_code)]
fn checked(error: *mut rd_kafka_error_t) -> Result<(), CallError> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: an error that is ours to give back.
    unsafe {
        let told = CallError {
            code: rd_kafka_error_code(error).into(),
            is_retriable: rd_kafka_error_is_retriable(error) != 0,
            requires_abort: rd_kafka_error_txn_requires_abort(error) != 0,
            text: text(rd_kafka_error_string(error)),
        };
        rd_kafka_error_destroy(error);
        Err(told)
    }
}

/// The text of a C string.
#[allow(unsafe_code)]
unsafe fn text(start: *const c_char) -> String {
    // SAFETY: the caller says that it is one.
    unsafe { CStr::from_ptr(start) }.to_string_lossy().into_owned()
}

// --- what librdkafka calls -------------------------------------------------------------------------------------------

const NAME: &CStr = c"homecoming";

#[allow(unsafe_code)]
unsafe extern "C" fn on_new(
    client: *mut rd_kafka_t,
    _: *const rd_kafka_conf_t,
    told: *mut c_void,
    _: *mut c_char,
    _: usize,
) -> RDKafkaRespErr {
    // SAFETY: the client is being made, and `told` outlives it.
    unsafe { rd_kafka_interceptor_add_on_response_received(client, NAME.as_ptr(), Some(on_response), told) }
}

/// Called with every answer, and with every request that there will be none to.
#[allow(unsafe_code)]
unsafe extern "C" fn on_response(
    _: *mut rd_kafka_t,
    _: c_int,
    _: *const c_char,
    _: i32,
    request: i16,
    _: i16,
    _: i32,
    _: usize,
    _: i64,
    error: RDKafkaRespErr,
    told: *mut c_void,
) -> RDKafkaRespErr {
    if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && OF_TRANSACTIONS.contains(&request) {
        // SAFETY: `told` outlives the client.
        unsafe { &*told.cast::<Told>() }.is_tainted.store(true, Ordering::Relaxed);
        tracing::debug!(request, ?error, "a request of a transaction was left without an answer");
    }
    RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
}

/// Only of what was not delivered, so it is configured.
#[allow(unsafe_code)]
unsafe extern "C" fn on_delivery(_: *mut rd_kafka_t, record: *const rd_kafka_message_t, told: *mut c_void) {
    // SAFETY: `told` outlives the client; the record lives as long as the call, and its topic with it.
    unsafe {
        let record = &*record;
        if record.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            let undelivered = &(*told.cast::<Told>()).undelivered;
            let first = || (text(rd_kafka_topic_name(record.rkt)), record.err.into());
            undelivered.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(first);
        }
    }
}

#[allow(unsafe_code)]
unsafe extern "C" fn on_statistics(_: *mut rd_kafka_t, json: *mut c_char, size: usize, told: *mut c_void) -> c_int {
    // SAFETY: `told` outlives the client; the text lives as long as the call, which does not keep it.
    let (json, told) = unsafe { (std::slice::from_raw_parts(json.cast::<u8>(), size), &*told.cast::<Told>()) };
    if let Ok(statistics) = serde_json::from_slice::<Statistics>(json) {
        told.queued_bytes.store(statistics.msg_size, Ordering::Relaxed);
    }
    0
}

#[allow(unsafe_code)]
unsafe extern "C" fn on_error(_: *mut rd_kafka_t, _: c_int, reason: *const c_char, _: *mut c_void) {
    // SAFETY: a C string that lives as long as the call.
    tracing::debug!(reason = unsafe { text(reason) }, "producer error");
}

#[allow(unsafe_code)]
unsafe extern "C" fn on_log(_: *const rd_kafka_t, level: c_int, facility: *const c_char, message: *const c_char) {
    // SAFETY: C strings that live as long as the call.
    let (facility, message) = unsafe { (text(facility), text(message)) };
    tracing::debug!(level, facility, message, "client");
}
