"""Tables of points, by noun: policy, wallets, transfers, proposals."""

from civic.points.models.policy import Policy, PolicyState, Rate
from civic.points.models.proposals import Hint, HintKind, HintState, Proposal, ProposalKind, ProposalState
from civic.points.models.transfers import Earning, Hold, HoldState, Reason, Transfer, TransferKind
from civic.points.models.wallets import COUNTED, OWNED, Programme, Vintage, Wallet, WalletKind, WalletState

__all__ = [
    "COUNTED",
    "OWNED",
    "Earning",
    "Hint",
    "HintKind",
    "HintState",
    "Hold",
    "HoldState",
    "Policy",
    "PolicyState",
    "Programme",
    "Proposal",
    "ProposalKind",
    "ProposalState",
    "Rate",
    "Reason",
    "Transfer",
    "TransferKind",
    "Vintage",
    "Wallet",
    "WalletKind",
    "WalletState",
]
