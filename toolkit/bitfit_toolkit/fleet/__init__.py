"""Training of thousands of tasks: groups that follow from the file of tasks, each trained whole, here or on Ray.

`groups.py` plans, `work.py` trains one group, `ledger.py` knows what is finished, `run.py` goes through the groups on
this machine, `on_ray.py` hands them to a cluster.
"""

from bitfit_toolkit.fleet.groups import DEFAULT_GROUP_SIZE, Fleet, Group, plan_fleet
from bitfit_toolkit.fleet.ledger import Ledger
from bitfit_toolkit.fleet.run import Settings, check_here, train_here
from bitfit_toolkit.fleet.work import TrainedGroup, TrainedPack

__all__ = [
    "DEFAULT_GROUP_SIZE",
    "Fleet",
    "Group",
    "Ledger",
    "Settings",
    "TrainedGroup",
    "TrainedPack",
    "check_here",
    "plan_fleet",
    "train_here",
]
