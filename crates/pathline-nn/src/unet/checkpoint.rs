//! What a checkpoint's names and shapes say of the network they are of.

use pathline::{Error, Shape};

use super::UNetConfig;
use crate::parameters::Tensors;
use crate::tensors;

/// The config that a checkpoint's tensors are of; what does not fit is found when they are checked
/// against it.
pub(super) fn config_of(
    tensors: &Tensors,
    shape: &Shape,
    heads: usize,
) -> Result<UNetConfig, Error> {
    let name = "time_embed.0.weight";
    let model_channels = match tensors.get(name).map(|(shape, _)| shape.as_slice()) {
        Some(&[_, channels]) if channels > 0 => channels,
        Some(found) => {
            let problem =
                format!("expected shape [4 model_channels, model_channels], found {found:?}");
            return Err(tensors::error(name, problem));
        }
        None => {
            let problem = "missing: these are not the tensors of torchcfm's UNetModel";
            return Err(tensors::error(name, problem));
        }
    };
    let has = |name: String| tensors.contains_key(&name);
    let (mut levels, mut residuals, mut attention) = (Vec::new(), 0, Vec::new());
    for i in 1.. {
        let block = format!("input_blocks.{i}");
        if has(format!("{block}.0.op.weight")) {
            residuals = 0;
        } else if let Some((width, _)) = tensors.get(&format!("{block}.0.out_layers.0.weight")) {
            residuals += 1;
            if residuals == 1 {
                levels.push(width.first().copied().unwrap_or(0));
            }
            let factor = 1_usize.checked_shl(levels.len() as u32 - 1).unwrap_or(usize::MAX);
            if has(format!("{block}.1.norm.weight")) && !attention.contains(&factor) {
                attention.push(factor);
            }
        } else {
            break;
        }
    }
    let classes = tensors.get("label_emb.weight").and_then(|(shape, _)| shape.first().copied());
    Ok(UNetConfig {
        shape: shape.clone(),
        model_channels,
        channel_mult: levels.iter().map(|width| width / model_channels).collect(),
        res_blocks: residuals,
        attention,
        heads,
        head_width: None,
        classes,
        null_label: false,
    })
}
