"""What an interval covers, in words."""

from attacks.report.statistics.replicates import Sample

# With fewer victims, little is known of others.
_FEW_VICTIMS = 5


def coverage(sample: Sample) -> str:
    """What the interval of a sample covers, and what it leaves out.

    Such as `over 3 seeds and 10,000 held-out rows, of this victim; it leaves out how much victims
    vary`.
    """
    counts = ((sample.splits, "splits"), (sample.victims, "victims"), (sample.seeds, "seeds"))
    several = [f"{count} {name}" for count, name in counts if count > 1]
    held_out = f"{sample.rows:,} held-out rows"
    if sample.groups < sample.rows:
        held_out += f" in {sample.groups:,} groups"
    text = " and ".join(filter(None, [", ".join(several), held_out]))
    if sample.victims < _FEW_VICTIMS:
        text += ", of these victims" if sample.victims > 1 else ", of this victim"
    notes = []
    if sample.leaves_out:
        notes.append(f"it leaves out how much {' and '.join(sample.leaves_out)} vary")
    if several and not sample.is_by_row and sample.splits == 1:
        notes.append("seeds and rows are taken as independent, because these results do not tell "
                     "single rows")
    return "; ".join([f"over {text}", *notes])
