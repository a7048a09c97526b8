"""Writes the tables of benchmarks/README.md from benchmarks/results/*.json, between their markers.

    python benchmarks/tables.py

Needs nothing but Python. `<!-- table NAME -->` begins the table of results/NAME.json and `<!-- end -->`
ends it; `<!-- table goals -->` is the summary of all rows that have a goal,
`<!-- table unmet -->` what is in the way where one is not met, and `<!-- table profiles -->` where our time goes.
"""
import json
import re
import statistics

from common import FULL, ROOT
from profiles import KINDS

README = ROOT / "benchmarks/README.md"
ORDER = ("empirical_field", "minibatch_ot", "networks", "sampling_2d", "solver_overhead", "cold_start",
         "peak_memory", "memorisation")


def number(value):
    """Three digits, without an exponent."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:.3g}"


def markdown(head, rows):
    """A Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def verdict(row, peer):
    """A goal and whether the median ratio meets it."""
    aim = row["aim"].get(peer)
    return "" if aim is None else f"{aim}: {'met' if row['ratio'][peer]['median'] <= aim else 'not met'}"


def parts(row, who):
    """The median of a contestant, and of its parts if it has any."""
    text = number(row["median"][who])
    if row["columns"]:
        each = [statistics.median(column) for column in zip(*row["raw"][who])]
        text += f" ({' + '.join(map(number, each))})"
    return text


def table(record):
    """One line for each row and peer."""
    lines = []
    for name, row in record["rows"].items():
        ours, *peers = row["median"]
        for i, peer in enumerate(peers):
            ratio = row["ratio"][peer]
            spread = f"**{number(ratio['median'])}** [{number(ratio['least'])}, {number(ratio['most'])}]"
            first = [name, parts(row, ours)] if i == 0 else ["", ""]
            lines.append([*first, peer, parts(row, peer), spread, number(ratio["of_least"]), verdict(row, peer)])
    units = {row["unit"] for row in record["rows"].values()}
    unit = units.pop() if len(units) == 1 else "value"
    columns = next((row["columns"] for row in record["rows"].values() if row["columns"]), None)
    unit += f" ({' + '.join(columns)})" if columns else ""
    head = ["work", f"Pathline, {unit}", "peer", unit, "ratio [least, most]", "of least times", "goal"]
    machine, versions = record["machine"], ", ".join(f"{k} {v}" for k, v in record["versions"].items())
    options = record["options"]
    where = (f"{machine['cpu']}, {machine['cores']} cores, {options['threads']} threads, {options['rounds']} rounds, "
             f"load at start {machine['load_at_start']:.1f}; {machine['date']}; {versions}.")
    if "copying_gb_s" in machine:
        where += f" Copying memory: {machine['copying_gb_s']} GB/s, read and written."
    return markdown(head, lines) + "\n\n" + where


def goals(records):
    """All rows with a goal, the ratio and whether it is met."""
    lines = []
    for name in ORDER:
        if name not in records:
            lines.append([name.replace("_", " "), "", "", "", "not measured yet"])
            continue
        for work, row in records[name]["rows"].items():
            for peer in row["aim"]:
                ratio = number(row["ratio"][peer]["median"])
                aim, met = verdict(row, peer).split(": ")
                lines.append([f"{name.replace('_', ' ')}: {work}", peer, ratio, f"<= {aim}", met])
    return markdown(["work", "peer", "ratio", "goal", ""], lines)


def profiles(records):
    """Where our time goes in the rows that were looked at."""
    found = {f"{name.replace('_', ' ')}: {work}": row["profile"] for name in ORDER
             for work, row in records.get(name, {"rows": {}})["rows"].items() if "profile" in row}
    for shares in found.values():
        # Kinds of an older list are part of the rest.
        for kind in set(shares) - set(KINDS):
            shares["the rest"] += shares.pop(kind)
    kinds = [kind for kind in KINDS if any(kind in shares for shares in found.values())]
    lines = [[work, *(f"{shares[kind]:.0%}" if shares.get(kind) else "" for kind in kinds)]
             for work, shares in found.items()]
    return markdown(["work", *kinds], lines) if lines else "Not measured yet."


def unmet(records):
    """For each goal that is not met: what it allows, what we take, and what the matrix products alone take of that."""
    lines = []
    for name in ORDER:
        for work, row in records.get(name, {"rows": {}})["rows"].items():
            missed = {peer: aim * row["median"][peer] for peer, aim in row["aim"].items()
                      if row["ratio"][peer]["median"] > aim}
            if not missed:
                continue
            peer = min(missed, key=missed.get)
            ours = row["median"][next(iter(row["median"]))]
            share = row.get("profile", {}).get("matrix products")
            products = "" if share is None else number(share * ours)
            lines.append([f"{name.replace('_', ' ')}: {work}", peer, number(missed[peer]), number(ours), products])
    return markdown(["work", "peer", "goal, ms", "Pathline, ms", "its products alone, ms"], lines)


SUMMARIES = {"goals": goals, "unmet": unmet, "profiles": profiles}


def main():
    records = {path.stem: json.loads(path.read_text()) for path in FULL.glob("*.json")}

    def fill(match):
        name = match[1]
        if name in SUMMARIES:
            text = SUMMARIES[name](records)
        else:
            text = table(records[name]) if name in records else "Not measured yet."
        return f"<!-- table {name} -->\n{text}\n<!-- end -->"

    old = README.read_text()
    marked = re.findall(r"<!-- table (\w+) -->", old)
    missing = {*ORDER, *SUMMARIES} - set(marked)
    if missing:
        raise SystemExit(f"{README} has no place for the tables of {', '.join(sorted(missing))}")
    new = re.sub(r"<!-- table (\w+) -->\n.*?<!-- end -->", fill, old, flags=re.DOTALL)
    README.write_text(new)
    print(f"{README.relative_to(ROOT)}: {'changed' if new != old else 'as it was'}")


if __name__ == "__main__":
    main()
