//! Settings of a training run by their dotted names, as a command line gives them.

use serde_json::{Map, Value};

use super::TrainSpec;
use crate::error::Error;

impl TrainSpec {
    /// The spec with some settings changed, each given as a key and a value: the key is a name as in
    /// `config.json`, with dots between the levels, and the value is JSON, or else a text.
    ///
    /// Setting a `kind` starts that part anew, from the defaults of that kind.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the key that is unknown or whose value does not fit.
    ///
    /// # Examples
    /// ```
    /// use pathline_study::TrainSpec;
    /// let spec = TrainSpec::new("moons").with(&[("training.steps", "200")])?;
    /// assert_eq!(spec.training.steps, 200);
    /// let error = spec.with(&[("training.stepz", "200")]).unwrap_err().to_string();
    /// assert!(error.contains("training.stepz"));
    /// # Ok::<(), pathline_study::Error>(())
    /// ```
    pub fn with(&self, settings: &[(&str, &str)]) -> Result<Self, Error> {
        if settings.is_empty() {
            return Ok(self.clone());
        }
        let mut whole = serde_json::to_value(self).unwrap_or_default();
        for (key, value) in settings {
            put(&mut whole, key, value)?;
        }
        let said: Vec<String> = settings.iter().map(|(k, v)| format!("{k}={v}")).collect();
        // Together, since one may make sense only beside another.
        serde_json::from_value(whole).map_err(|e| wrong(&said.join(" "), &e.to_string()))
    }
}

fn wrong(place: &str, problem: &str) -> Error {
    Error::usage(place, problem, "name a setting as in config.json, such as training.steps=200")
}

/// Puts a value in its place, which is made if need be: whether it belongs there is seen when the
/// whole is read.
fn put(whole: &mut Value, key: &str, value: &str) -> Result<(), Error> {
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    let mut place = whole;
    let mut names = key.split('.').peekable();
    while let Some(name) = names.next() {
        let Some(object) = place.as_object_mut() else {
            return Err(wrong(key, &format!("what `{name}` would be part of has no parts")));
        };
        if names.peek().is_none() {
            if name == "kind" {
                object.clear();
            }
            object.insert(name.to_owned(), value);
            return Ok(());
        }
        place = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
    }
    Ok(())
}
