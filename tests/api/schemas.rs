//! The answers against the schemas of the types that make them, from which the API's description is made.

use homecoming::wire::cohorts::Cohorts;
use homecoming::wire::customer_view::CustomerView;
use homecoming::wire::customers::Customers;
use homecoming::wire::rates_history::RatesHistory;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::ranking::a_shop;
use crate::stage::Api;

fn schema(of: fn(SchemaGenerator) -> schemars::Schema) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| settings.inline_subschemas = true);
    of(settings.into_generator()).to_value()
}

/// Every object of a schema allows what it names and nothing else.
fn closed(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(closed);
            if fields.contains_key("properties") && !fields.contains_key("anyOf") {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(closed),
        _ => {}
    }
}

#[test]
fn an_answer_is_what_its_schema_says() {
    let (policy, partitions) = a_shop();
    let api = Api::over(&partitions, &policy);
    for (path, of) in [
        ("/api/v1/cohorts", SchemaGenerator::into_root_schema_for::<Cohorts> as fn(SchemaGenerator) -> _),
        ("/api/v1/rates/history?window=7d", SchemaGenerator::into_root_schema_for::<RatesHistory>),
        ("/api/v1/customers", SchemaGenerator::into_root_schema_for::<Customers<'static>>),
        ("/api/v1/customers?level=lapsed", SchemaGenerator::into_root_schema_for::<Customers<'static>>),
        ("/api/v1/customers/ana", SchemaGenerator::into_root_schema_for::<CustomerView<'static>>),
        ("/api/v1/customers/dov", SchemaGenerator::into_root_schema_for::<CustomerView<'static>>),
    ] {
        let (answer, mut schema) = (api.answer(path), schema(of));
        for (name, field) in schema["properties"].as_object().expect("an object") {
            assert!(field.get("description").is_some(), "{path}: {name} is not described");
            assert!(answer.get(name).is_some(), "{path}: {name} is not there");
        }
        // What has evidence of several kinds is open to all of them.
        let open = jsonschema::validator_for(&schema).expect("a schema");
        let wrong: Vec<String> = open.iter_errors(&answer).map(|error| error.to_string()).collect();
        assert_eq!(wrong, Vec::<String>::new(), "{path}");
        if !path.contains("customers") {
            closed(&mut schema);
            let closed = jsonschema::validator_for(&schema).expect("a schema");
            assert!(closed.is_valid(&answer), "{path} has fields that the schema does not name: {answer}");
        }
    }
}
