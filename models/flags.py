"""The flags of data sets, victims and devices. They are read here only; programs get the
configurations made from them."""
from absl import flags

from models import architectures
from models.data.loading import DataConfig
from models.processes.workers import join
from models.processes.workers import Workers
from models.victim import VictimConfig

_DATASET = flags.DEFINE_string(
    "dataset", "digits",
    "The data set: 'digits' (1,797 handwritten digits, no download), 'npz:FILE' (your own file "
    "with x, uint8 or float inputs of any shape, and y, labels from 0 up), 'folder:DIR' (a folder "
    "of images for each class; they stay on disk), or the name of any image-classification set "
    "of TFDS, such as 'mnist'.")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None,
    "Where TFDS has its data. Default: the environment variable TFDS_DATA_DIR, or TFDS' own "
    "default.")
_DOWNLOAD = flags.DEFINE_bool(
    "download", False, "Whether TFDS may download and prepare a data set that is not there yet.")
_IMAGE_SIZE = flags.DEFINE_list(
    "image_size", None,
    "HEIGHT,WIDTH to which the images of a TFDS set or a folder: are resized. Default: as they "
    "are.")
_CACHE_DIR = flags.DEFINE_string(
    "cache_dir", None,
    "Where the images of a folder: data set are kept once they are decoded, for all later runs. "
    "Default: $XDG_CACHE_HOME/revsig_keras, or ~/.cache/revsig_keras.")
_SPLIT_SEED = flags.DEFINE_integer(
    "split_seed", 0,
    "The seed that divides the data between victim, thief and evaluator. It is recorded with the "
    "victim: victim and thief must be given the same.")
# What `data_config` reads, for programs of which --help lists no others.
DATA_FLAGS = (_DATASET, _DATA_DIR, _DOWNLOAD, _IMAGE_SIZE, _CACHE_DIR, _SPLIT_SEED)
_ARCHITECTURE = flags.DEFINE_string(
    "victim_architecture", VictimConfig.architecture,
    f"The victim's architecture: {', '.join(architectures.NAMES)}.")
_OPTIMIZER = flags.DEFINE_string(
    "victim_optimizer", VictimConfig.optimizer,
    "The victim's optimiser, with options, such as 'adam:learning_rate=0.001' or "
    "'sgd:learning_rate=0.01:momentum=0.9'.")
_BATCH_SIZE = flags.DEFINE_integer("victim_batch_size", VictimConfig.batch_size,
                                   "Rows per training step of the victim, over all replicas.")
_STEPS = flags.DEFINE_integer("victim_steps", VictimConfig.steps, "Training steps of the victim.")
_SEED = flags.DEFINE_integer("victim_seed", VictimConfig.seed,
                             "The seed of the victim's initial weights and batches.")
_DISTRIBUTION = flags.DEFINE_string(
    "distribution", "auto",
    "Where models are trained: 'one_device' (the first GPU, else the CPU), 'mirrored' (a replica "
    "on each GPU, else on each logical CPU device), 'multi_worker' (likewise, in each of the "
    "processes that the environment variable TF_CONFIG names, which are all given the same command "
    "and see one --output_dir), 'tpu' (that of this machine, untested), or 'auto': multi_worker if "
    "TF_CONFIG names several workers, mirrored if there are several GPUs and enough rows in a step "
    "to share, else one_device. What it has chosen, and why, is said at the start.")
_CHECKPOINT_EVERY = flags.DEFINE_float(
    "checkpoint_every", 60.0,
    "Seconds: a training that takes longer is kept on disk so often, and at its end, until its "
    "result is written. SIGTERM keeps any training, and ends the program with the status 143.")


def data_config():
    """The `datasets.DataConfig` that the flags ask for."""
    return DataConfig(_DATASET.value, _DATA_DIR.value, _DOWNLOAD.value,
                      _image_size(_IMAGE_SIZE.value), _SPLIT_SEED.value, _CACHE_DIR.value)


def victim_config():
    """The `victim.VictimConfig` that the flags ask for."""
    return VictimConfig(_ARCHITECTURE.value, _OPTIMIZER.value, _BATCH_SIZE.value, _STEPS.value,
                        _SEED.value)


def workers() -> Workers:
    """Joins those who train a victim; must come before all that TensorFlow computes."""
    return join(_DISTRIBUTION.value, _BATCH_SIZE.value)


def checkpoint_every() -> float:
    """Seconds after which a training is kept."""
    return _CHECKPOINT_EVERY.value


def _image_size(values):
    if values is None:
        return None
    if len(values) != 2 or not all(value.strip().isdecimal() and int(value) > 0
                                   for value in values):
        raise ValueError(
            f"image_size must be HEIGHT,WIDTH in pixels. Received: {','.join(values)!r}")
    return tuple(int(value) for value in values)
