"""Trains a victim and writes victim.keras and victim.json.

  python -m models.train --dataset=digits --output_dir=DIR
"""
import dataclasses
import pathlib
import sys

from absl import flags
import tqdm

from models import flags as model_flags
from models import victim as victims
from models.data import splits
from models.processes.preemption import Preemption
from models.processes.workers import exit_if_lost
from models.processes.workers import join
from models.training.checkpoints import Checkpoint
from revsig_keras.cli import program


def define_flags(values=flags.FLAGS):
    """Defines the flags of this program."""
    flags.DEFINE_string("output_dir",
                        None,
                        "Where victim.keras and victim.json are written.",
                        required=True,
                        flag_values=values)
    model_flags.define_data_flags(values)
    model_flags.define_training_flags(values)


def main(values=flags.FLAGS):
    directory = pathlib.Path(values.output_dir)
    data_config, config = model_flags.data_config(values), model_flags.victim_config(values)
    process_config = model_flags.process_config(values)
    workers = join(process_config.distribution, config.batch_size)
    dataset = data_config.load()
    with exit_if_lost(), workers, Preemption() as preemption:
        workers.check_equal({
            **dataclasses.asdict(config), "split_seed": data_config.split_seed,
            "data": dataset.fingerprint()
        })
        if workers.is_chief:
            directory.mkdir(parents=True, exist_ok=True)
        workers.check_shared(directory)
        checkpoint = Checkpoint(directory / ".victim.checkpoint", process_config.checkpoint_every,
                                workers, preemption)
        victim = victims.find_or_train(
            directory, config, dataset, data_config.split_seed, workers,
            lambda: train(config, dataset, data_config.split_seed, workers.strategy, checkpoint))
        checkpoint.remove()
    accuracy = victim.record["accuracy"]
    if workers.is_chief:
        print(f"{directory / victims.MODEL_NAME}: test accuracy {accuracy['test']:.4f}, "
              f"validation accuracy {accuracy['validation']:.4f}, mean top-1 confidence "
              f"{victim.record['mean_top1_confidence']:.4f}")


def train(config, dataset, split_seed, strategy, checkpoint):
    """Trains a victim, with a progress bar."""
    parts = splits.split(dataset, split_seed)
    with tqdm.tqdm(total=config.steps, desc="training the victim", unit="step",
                   file=sys.stderr) as bar:
        return victims.train_victim(config, dataset, parts, strategy, bar.update, checkpoint)


if __name__ == "__main__":
    define_flags()
    program.run(main)
