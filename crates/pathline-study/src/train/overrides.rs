//! Settings of a training run by their dotted names, as a command line gives them.

use serde_json::Value;

use super::TrainSpec;
use crate::error::Error;

impl TrainSpec {
    /// The spec with one setting changed: `key` is its name as in `config.json`, with dots between the
    /// levels, and `value` is JSON, or else a text.
    ///
    /// Setting a `kind` starts that part anew, from the defaults of that kind.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the key that is unknown or whose value does not fit.
    ///
    /// # Examples
    /// ```
    /// use pathline_study::TrainSpec;
    /// let spec = TrainSpec::new("moons").with("training.steps", "200")?;
    /// assert_eq!(spec.training.steps, 200);
    /// let error = spec.with("training.stepz", "200").unwrap_err().to_string();
    /// assert!(error.contains("training.stepz"));
    /// # Ok::<(), pathline_study::Error>(())
    /// ```
    pub fn with(&self, key: &str, value: &str) -> Result<Self, Error> {
        let wrong = |problem: String| {
            let remedy = "name a setting as in config.json, such as training.steps=200";
            Error::usage(format!("{key}={value}"), problem, remedy)
        };
        let mut whole = serde_json::to_value(self).map_err(|e| wrong(e.to_string()))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        let (path, last) = key.rsplit_once('.').unwrap_or(("", key));
        let mut place = &mut whole;
        for name in path.split('.').filter(|name| !name.is_empty()) {
            let inner = place.as_object_mut().and_then(|object| object.get_mut(name));
            place = inner.ok_or_else(|| wrong(format!("there is no `{name}`")))?;
        }
        let Some(object) = place.as_object_mut() else {
            return Err(wrong(format!("`{path}` has no settings of its own")));
        };
        if last == "kind" {
            object.clear();
        }
        object.insert(last.to_owned(), value);
        serde_json::from_value(whole).map_err(|e| wrong(e.to_string()))
    }
}
