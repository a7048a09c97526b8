//! `pathline convert`.

use pathline::Shape;
use pathline_study::{Hints, Precision, convert};

use crate::args::Convert;
use crate::output::{Failure, check_writable, data, note, write};

pub(crate) fn run(args: &Convert) -> Result<bool, Failure> {
    check_writable(&args.to, args.force)?;
    let shape = match args.shape.as_slice() {
        [] => None,
        extents => Some(Shape::new(extents)?),
    };
    let precision = if args.half { Precision::Half } else { Precision::Single };
    let made = convert(&args.from, &Hints { heads: args.heads, shape }, precision)?;
    write(&args.to, &made.bytes, args.force)?;
    let network = serde_json::to_string(&made.network)?;
    note(&format!("{} parameters, {} bytes: {network}", made.parameters, made.bytes.len()));
    data(&args.to.display().to_string())?;
    Ok(true)
}
