"""Statistics in memory."""

from salesboost_tools.selection.arms import MemoryArms
from tests.selection.arm_store_contract import ArmStoreContract


class TestMemoryArms(ArmStoreContract):
    def store(self):
        return MemoryArms()
