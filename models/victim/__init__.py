"""The victim: the model that is to be protected, trained or loaded."""
from models.victim.config import VictimConfig
from models.victim.config import VictimFile
from models.victim.files import differences
from models.victim.files import exists
from models.victim.files import find_or_train
from models.victim.files import load_victim
from models.victim.files import MODEL_NAME
from models.victim.files import RECORD_NAME
from models.victim.files import save_victim
from models.victim.model import SCHEMA_VERSION
from models.victim.model import train_victim
from models.victim.model import Victim
from models.victim.own.loading import load_own_victim
from models.victim.own.own_victim import OwnVictim

__all__ = [
    "MODEL_NAME",
    "OwnVictim",
    "RECORD_NAME",
    "SCHEMA_VERSION",
    "Victim",
    "VictimConfig",
    "VictimFile",
    "differences",
    "exists",
    "find_or_train",
    "load_own_victim",
    "load_victim",
    "save_victim",
    "train_victim",
]
