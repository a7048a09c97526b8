//! Values as the text of a JSON file.

use crate::error::Error;

/// Pretty JSON with a line end.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::usage("JSON", e.to_string(), "use finite numbers"))?;
    Ok((text + "\n").into_bytes())
}
