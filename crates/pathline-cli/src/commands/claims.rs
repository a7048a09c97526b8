//! `pathline claims`.

use pathline_study::claims::{CLAIMS, DataSources, Effort, Folder, Ledger, Order, judge};
use pathline_view::{Cell, Column, Table, terminal};

use crate::args::Claims;
use crate::output::{Failure, data, note};
use crate::progress::Bar;

pub(crate) fn run(args: &Claims) -> Result<bool, Failure> {
    if args.list {
        for claim in CLAIMS {
            data(&format!("{:>3}  {}", claim.number, claim.title))?;
        }
        return Ok(true);
    }
    if let Some(raw) = &args.judge {
        // All are judged, since the correction is for all; some are shown.
        let mut ledger = judge(&Folder::evidence(raw)?)?;
        let there = |number: &u32| ledger.entries.iter().any(|e| e.number == *number);
        if let Some(number) = args.numbers.iter().find(|number| !there(number)) {
            let problem = format!("holds no numbers of claim {number}; measure it first");
            return Err(Failure::usage(&raw.display().to_string(), &problem));
        }
        ledger.entries.retain(|e| args.numbers.is_empty() || args.numbers.contains(&e.number));
        print(&ledger, args.json)?;
        return Ok(true);
    }
    let folder = Folder::open(&args.out)?;
    let all = || CLAIMS.map(|claim| claim.number).to_vec();
    let numbers = if args.numbers.is_empty() { all() } else { args.numbers.clone() };
    let order = Order {
        effort: if args.full { Effort::Full } else { Effort::Quick },
        seed: args.seed,
        sources: DataSources {
            fashion_mnist: args.data.clone(),
            cifar10: args.cifar10.clone(),
            features: args.features.clone(),
        },
    };
    let mut bar = Bar::new();
    folder.measure(&numbers, &order, &mut bar)?;
    bar.done();
    let ledger = folder.write()?;
    print(&ledger, args.json)?;
    note(&format!("page: {}", folder.page().display()));
    Ok(true)
}

fn print(ledger: &Ledger, json: bool) -> Result<(), Failure> {
    if json {
        return data(&serde_json::to_string_pretty(ledger)?);
    }
    let rows = ledger.entries.iter().map(|entry| {
        let number = Cell::text(entry.number.to_string());
        vec![number, Cell::text(entry.verdict.words()), Cell::text(entry.title)]
    });
    let table = Table {
        columns: vec![Column::numeric("claim"), Column::text("verdict"), Column::text("")],
        rows: rows.collect(),
        note: String::new(),
    };
    data(&terminal::table(&table))
}
