"""The flags of the attack programs; the only place of this package that reads them."""

import sys

from absl import flags

from attacks.clone.recipe import CloneConfig
from attacks.endpoint import flags as endpoint_flags
from attacks.grid.config import RunConfig
from attacks.grid.registries import ADVERSARIES
from attacks.grid.registries import ATTACKS
from attacks.oracle.defences import AS_SERVED
from models import architectures
import models.flags
from models.processes.workers import join
from models.processes.workers import Workers
from models.training import precision
from models.training.optimizers import OPTIMIZERS
from revsig_keras.defences.catalogue import DEFENCES

FLAGS = flags.FLAGS
models.flags.define_data_flags()
models.flags.define_training_flags()
flags.adopt_module_key_flags(endpoint_flags)

_MEMBERS = "a comma list of name[:key=value]..., of these, shown with their defaults:"

flags.DEFINE_string(
    "output_dir", None,
    "Where the results go: a new directory, or that of the same run, which is resumed and, "
    "with more grid members, extended.")
flags.DEFINE_string(
    "victim", None,
    "A victim.keras that `python -m models.train` has written, with its victim.json beside it. By "
    "default a victim is trained first, as the --victim_... flags say.")
flags.DEFINE_list(
    "defences", ["none", "reverse_sigmoid"],
    f"What the victim is defended with: {_MEMBERS} {DEFENCES.usage}. (A remote oracle "
    "has the defence that it has.)")
flags.DEFINE_list("attacks", ["sample"],
                  f"Which inputs the thief queries: {_MEMBERS} {ATTACKS.usage}.")
flags.DEFINE_list("adversaries", ["probabilities", "labels"],
                  f"What the thief makes of the answers: {_MEMBERS} {ADVERSARIES.usage}.")
flags.DEFINE_list("budgets", ["50", "100", "200"], "How many distinct rows the thief may query.")
flags.DEFINE_list(
    "seeds", ["0"],
    "The thief's seeds: of the drawing of queries, the clone's initial weights and its training. "
    "Values, not a count.")
flags.DEFINE_string("clone_architecture", "digits_cnn",
                    f"The clone's architecture, of {', '.join(architectures.ARCHITECTURES.names)}.")
flags.DEFINE_string(
    "optimizer", "adam",
    "The clone's optimiser and its learning rate: one of these, shown with their defaults: "
    f"{OPTIMIZERS.usage}.")
flags.DEFINE_integer("batch_size", 32, "The clone's rows per training step, over all replicas.")
flags.DEFINE_integer("steps", 600, "The clone's training steps.")
flags.DEFINE_float(
    "held_out", 0.0,
    "Early stopping: the share of the paid-for rows that it is decided on, which the clone is then "
    "not trained on. 0 trains on all rows for exactly --steps steps.")
flags.DEFINE_integer("patience", 5,
                     "Early stopping: checks (every 50 steps) without a lower held-out loss.")

flags.DEFINE_enum(
    "precision", "float32", ["auto", *precision.NAMES],
    "In what clones compute; their variables, the softmax, the defence and the victim stay "
    "float32. 'auto': what is fastest here; run.flags says what that was.")
flags.DEFINE_bool(
    "jit", False,
    "Whether XLA compiles the training steps of clones. On processors, convolutions get slower.")
flags.DEFINE_string(
    "clones_per_device", "auto",
    "How many clones are trained at once, each as it would be alone, or 'auto': on a processor as "
    "many as it has cores, at most 8, else 1.")

flags.DEFINE_float("price_per_1000", None,
                   "What 1,000 queries cost a thief, in any currency, for the verdict.")
flags.DEFINE_float(
    "fail_above", None,
    "The exit status is 2 if the strongest thief's agreement at the largest budget is above this, "
    "in [0, 1].")

flags.DEFINE_float(
    "epsilon", RunConfig.epsilon,
    "The size of the adversarial examples by which transferability is measured, as a share of the "
    "inputs' range. (Of an endpoint it is not measured.)")

flags.DEFINE_bool("list_cells", False,
                  "Lists the cells of the grid with their places, for --cells, and does nothing.")
flags.DEFINE_list(
    "cells", None,
    "The cells to do, by their places, such as 0,3-7. Several runs, also on several machines, can "
    "share an --output_dir: none does what another has done or is at. Default: all of them.")

_GRID = ("defences", "attacks", "adversaries", "budgets", "seeds")
_CLONE = ("clone_architecture", "optimizer", "batch_size", "steps", "held_out", "patience")
_DATA = ("dataset", "image_size", "split_seed")
_VICTIM = ("victim_architecture", "victim_optimizer", "victim_batch_size", "victim_steps",
           "victim_seed")


def workers() -> Workers:
    """Joins those who do the run; must come before all that TensorFlow computes."""
    return join(FLAGS.distribution, FLAGS.batch_size)


def run_config() -> RunConfig:
    """The run that the command line asks for.

    Raises:
        ValueError: If a flag is out of its range.
    """
    if not FLAGS.output_dir:
        raise ValueError("`--output_dir` must name a directory for the results. Received: none")
    remote = endpoint_flags.remote_config()
    given = [name for name in ("defences", "victim", *_VICTIM) if FLAGS[name].present]
    if remote and given:
        raise ValueError("A remote oracle has its own victim and defence. Received: "
                         f"`--{given[0]}`, which must be left out")
    chosen = _precision()
    return RunConfig(
        data=models.flags.data_config(),
        victim=None if remote or FLAGS.victim else models.flags.victim_config(),
        victim_file=FLAGS.victim,
        remote=remote,
        clone=CloneConfig(architecture=FLAGS.clone_architecture,
                          optimizer=FLAGS.optimizer,
                          batch_size=FLAGS.batch_size,
                          steps=FLAGS.steps,
                          held_out=FLAGS.held_out,
                          patience=FLAGS.patience,
                          precision=chosen,
                          jit=FLAGS.jit),
        defences=(AS_SERVED,) if remote else tuple(FLAGS.defences),
        attacks=tuple(FLAGS.attacks),
        adversaries=tuple(FLAGS.adversaries),
        budgets=_integers("budgets"),
        seeds=_integers("seeds"),
        distribution=FLAGS.distribution,
        output_dir=FLAGS.output_dir,
        replay=_replay(remote, chosen),
        price_per_1000=FLAGS.price_per_1000,
        fail_above=FLAGS.fail_above,
        epsilon=FLAGS.epsilon,
        share=_places(FLAGS.cells),
        clones_per_device=_clones_per_device(),
        checkpoint_every=FLAGS.checkpoint_every,
    )


def wants_list() -> bool:
    """Whether the cells are only to be listed."""
    return FLAGS.list_cells


def _precision():
    """The precision that is asked for; what is fastest is said on stderr."""
    if FLAGS.precision != "auto":
        return FLAGS.precision
    name, why = precision.fastest()
    print(f"--precision=auto: {name}, as {why}.", file=sys.stderr)
    return name


def _clones_per_device():
    if FLAGS.clones_per_device == "auto":
        return None
    if not FLAGS.clones_per_device.isdecimal():
        raise ValueError("`--clones_per_device` must be a whole number or auto. Received: "
                         f"{FLAGS.clones_per_device}")
    return int(FLAGS.clones_per_device)


def _places(texts):
    """Places written as 0 or 3-7, each once, in order."""
    if texts is None:
        return None
    places = set()
    for text in texts:
        first, dash, last = text.partition("-")
        if not first.isdecimal() or dash and not (last.isdecimal() and int(first) <= int(last)):
            raise ValueError("`--cells` must be places or ranges of places, such as 0,3-7. "
                             f"Received: {','.join(texts)}")
        places.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(places))


def _integers(name):
    try:
        return tuple(int(value) for value in FLAGS[name].value)
    except ValueError:
        raise ValueError(f"`--{name}` must be whole numbers, separated by commas. "
                         f"Received: {','.join(FLAGS[name].value)}") from None


def _replay(remote, chosen) -> dict[str, str]:
    """The flags that make this run again, without the directories that it reads and writes."""
    grid = _GRID[1:] if remote else _GRID
    victim = endpoint_flags.REPLAYED if remote else ("victim",) if FLAGS.victim else _VICTIM
    measured = () if remote else ("epsilon",)
    names = _DATA + victim + _CLONE + grid + measured + ("distribution",)
    written = (FLAGS[name].serialize() for name in names)
    replay = dict(text.removeprefix("--").split("=", 1) for text in written if text)
    spelled = {name: OPTIMIZERS.spell(replay[name]) for name in replay if "optimizer" in name}
    return {**replay, **spelled, "precision": chosen, "jit": str(FLAGS.jit).lower()}
