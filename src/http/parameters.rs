//! The parameters of a request, read strictly: what is not understood is refused and not passed over, or a slip of the pen
//! would look like an answer.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::http::Uri;

use super::problem::Problem;

/// What was asked for, by name.
#[derive(Debug)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// The parameters in a query; one that is not among `known`, or comes twice, is refused.
    pub(super) fn of(query: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let refused = |detail: String| Problem::bad_request(&detail);
        let uri: Result<Uri, _> = format!("/?{}", query.unwrap_or_default()).parse();
        let uri = uri.map_err(|_| refused("the query is not well-formed".to_owned()))?;
        let Query(given): Query<Vec<(String, String)>> = Query::try_from_uri(&uri)
            .map_err(|_| refused("the query is not well-formed: name=value, joined by &, is".to_owned()))?;
        let mut parameters = BTreeMap::new();
        for (name, value) in given {
            if !known.contains(&name.as_str()) {
                let allowed = if known.is_empty() { "none here".to_owned() } else { known.join(", ") };
                return Err(refused(format!("there is no parameter {name:?}; allowed: {allowed}")));
            }
            if parameters.insert(name.clone(), value).is_some() {
                return Err(refused(format!("the parameter {name} is given twice")));
            }
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter as `read` understands it, `None` if it is not given. What is not understood is refused
    /// by saying what is `allowed`.
    pub(super) fn read<T>(
        &self,
        name: &str,
        allowed: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(given) = self.0.get(name) else { return Ok(None) };
        let refused = || Problem::bad_request(&format!("{name} can't be {given:?}; allowed: {allowed}"));
        read(given).map(Some).ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<T: std::fmt::Debug>(of: Result<T, Problem>) -> String {
        format!("{:?}", of.expect_err("it is refused"))
    }

    #[test]
    fn what_is_not_understood_is_refused_by_naming_what_is() {
        let known = ["level", "limit"];
        let unknown = refusal(Parameters::of(Some("levle=high"), &known));
        assert!(unknown.contains("levle") && unknown.contains("level, limit"), "{unknown}");
        assert!(refusal(Parameters::of(Some("level=high&level=low"), &known)).contains("twice"));
        assert!(refusal(Parameters::of(Some("x"), &[])).contains("none here"));
        let given = Parameters::of(Some("limit=7%20"), &known).expect("known names");
        let limit = |text: &str| text.parse::<u8>().ok();
        let refused = refusal(given.read("limit", "1 to 9", limit));
        assert!(refused.contains("7 ") && refused.contains("1 to 9"), "{refused}");
        assert_eq!(given.read("level", "any", |_| Some(1)).expect("it is not given"), None);
        let given = Parameters::of(Some("limit=7"), &known).expect("known names");
        assert_eq!(given.read("limit", "1 to 9", limit).expect("a number"), Some(7));
        assert!(Parameters::of(None, &known).is_ok() && Parameters::of(Some(""), &known).is_ok());
    }
}
