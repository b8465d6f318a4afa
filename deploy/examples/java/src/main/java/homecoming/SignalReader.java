package homecoming;

import com.networknt.schema.Error;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads homecoming's signals and says, for each, what is to be done. */
public final class SignalReader {
    /** How many handled event ids are remembered. */
    private static final int REMEMBERED = 100_000;

    /** By which channels an action may reach a customer, the best first. */
    private static final Map<String, List<String>> CHANNELS =
            Map.of("call", List.of("phone"), "win_back_offer", List.of("email", "sms", "post"));

    /** What is done in the house: nobody is written to, so nobody is asked. */
    private static final Map<String, String> IN_THE_HOUSE =
            Map.of("resolve_ticket", "at the support desk", "thank_you", "in the parcel");

    private final Map<String, Schema> schemas;

    private final Map<String, Boolean> handled = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
            return size() > REMEMBERED;
        }
    };

    private SignalReader(Map<String, Schema> schemas) {
        this.schemas = schemas;
    }

    public static void main(String[] arguments) throws IOException {
        SchemaRegistry registry = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);
        Path folder = Path.of(setting("SCHEMAS", "schemas"));
        Map<String, Schema> schemas = new HashMap<>();
        schemas.put(
                setting("RETURNING_CUSTOMERS", "returning-customers"),
                registry.getSchema(Files.readString(folder.resolve("returning_customer.schema.json"))));
        schemas.put(
                setting("CHURN_RISK", "churn-risk"),
                registry.getSchema(Files.readString(folder.resolve("churn_risk.schema.json"))));
        new SignalReader(schemas).run();
    }

    private void run() {
        Properties settings = new Properties();
        settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, setting("BOOTSTRAP_SERVERS", "127.0.0.1:9092"));
        settings.put(ConsumerConfig.GROUP_ID_CONFIG, setting("GROUP_ID", "signal-reader"));
        // The default of Java's client is read_uncommitted.
        settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);

        StringDeserializer text = new StringDeserializer();
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings, text, text)) {
            wakeOnSigterm(consumer);
            try {
                consumer.subscribe(schemas.keySet());
                while (true) {
                    for (ConsumerRecord<String, String> signal : consumer.poll(Duration.ofSeconds(1))) {
                        handle(signal);
                    }
                    consumer.commitSync();
                }
            } catch (WakeupException stopping) {
                // It may have come before the commit, never between poll and the last signal handled.
                consumer.commitSync();
            }
        }
    }

    private static void wakeOnSigterm(KafkaConsumer<?, ?> consumer) {
        Thread reading = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            consumer.wakeup();
            try {
                // The process ends when the hook does.
                reading.join();
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        }));
    }

    private void handle(ConsumerRecord<String, String> signal) {
        Optional<JsonNode> valid = parse(signal);
        if (valid.isEmpty()) {
            System.out.println("-\tleave: breaks the schema");
            return;
        }
        JsonNode told = valid.get();
        String id = told.get("event_id").asString();
        if (handled.containsKey(id)) {
            System.out.println(id + "\tleave: handled before");
            return;
        }
        // Your work goes here. When it fails, throw: the signal is delivered again.
        System.out.println(id + "\t" + decide(told));
        handled.put(id, true);
    }

    /** A valid signal, or nothing and a complaint. */
    private Optional<JsonNode> parse(ConsumerRecord<String, String> signal) {
        String reason;
        try {
            JsonNode told = JsonMapper.shared().readTree(signal.value() == null ? "" : signal.value());
            List<Error> errors = schemas.get(signal.topic())
                    .validate(told, context -> context.executionConfig(config -> config.formatAssertionsEnabled(true)));
            if (errors.isEmpty()) {
                return Optional.of(told);
            }
            reason = errors.stream()
                    .map(error -> error.getInstanceLocation() + ", " + error.getKeyword())
                    .collect(Collectors.joining("; "));
        } catch (JacksonException broken) {
            reason = "no JSON";
        }
        // The place and the rule, not the content: a log is no place for customers.
        System.err.printf(
                "%s [%d] at offset %d breaks the schema: %s%n",
                signal.topic(), signal.partition(), signal.offset(), reason);
        return Optional.empty();
    }

    /** What to do about a valid signal. */
    private static String decide(JsonNode told) {
        if (told.get("action").isNull()) {
            return "leave: nothing to do";
        }
        if ("holdout".equals(told.path("arm").asString(""))) {
            return "leave: holdout";
        }
        String action = told.get("action").asString();
        if (IN_THE_HOUSE.containsKey(action)) {
            return action + " " + IN_THE_HOUSE.get(action);
        }
        List<String> allowed =
                told.path("contact_channels").valueStream().map(JsonNode::asString).toList();
        return CHANNELS.getOrDefault(action, List.of()).stream()
                .filter(allowed::contains)
                .findFirst()
                .map(channel -> action + " by " + channel)
                .orElse("leave: no consent");
    }

    private static String setting(String name, String otherwise) {
        return Optional.ofNullable(System.getenv(name)).filter(value -> !value.isEmpty()).orElse(otherwise);
    }
}
