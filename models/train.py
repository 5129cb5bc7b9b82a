"""Trains a victim and writes victim.keras and victim.json.

  python -m models.train --dataset=digits --output_dir=DIR
"""
import os
import sys

from absl import flags
import tqdm

from models import flags as model_flags
from models import splits
from models import victim as victims
from revsig_keras import program

_OUTPUT_DIR = flags.DEFINE_string("output_dir",
                                  None,
                                  "Where victim.keras and victim.json are written.",
                                  required=True)
flags.adopt_module_key_flags(model_flags)  # So that --help shows them.


def main():
    directory = _OUTPUT_DIR.value
    data_config, config = model_flags.data_config(), model_flags.victim_config()
    strategy = model_flags.distribution()
    os.makedirs(directory, exist_ok=True)
    dataset = data_config.load()
    parts = splits.split(dataset, data_config.split_seed)
    if victims.exists(directory):
        differing = victims.differences(directory, config, dataset, data_config.split_seed)
        if differing:
            raise ValueError(
                f"{directory} holds another victim, which is not overwritten (it differs in "
                f"{', '.join(differing)}).")
        victim = victims.load_victim(directory, dataset, data_config.split_seed)
    else:
        with tqdm.tqdm(total=config.steps, desc="training the victim", unit="step",
                       file=sys.stderr) as bar:
            victim = victims.train_victim(config, dataset, parts, strategy, bar.update)
        victims.save_victim(victim, directory)
    accuracy = victim.record["accuracy"]
    print(f"{os.path.join(directory, victims.MODEL_NAME)}: test accuracy {accuracy['test']:.4f}, "
          f"validation accuracy {accuracy['validation']:.4f}, mean top-1 confidence "
          f"{victim.record['mean_top1_confidence']:.4f}")


if __name__ == "__main__":
    program.run(main)
