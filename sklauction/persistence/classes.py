"""What a file may hold beside numbers and texts: classes and functions, by name."""

import importlib

__all__ = [
    "OBJECTS",
    "find_class",
    "find_function",
    "find_scipy",
    "in_a_word",
    "name_of",
    "name_of_function",
]

# Module -> classes. Anything else is refused. In files a class has its name alone, so that it can
# move; none is loaded before a file asks for it: analytic auctions work without torch.
MODULES = {
    "sklauction.analytic.linear_program": ("LinearProgramAuction",),
    "sklauction.analytic.myerson": ("BundleMyersonAuction", "MyersonAuction"),
    "sklauction.analytic.single_buyer": ("SingleBuyerAuction",),
    "sklauction.analytic.vcg": ("VCGAuction",),
    "sklauction.analytic.virtual_value": ("IronedVirtualValue",),
    "sklauction.datasets": ("AuctionSetting",),
    "sklauction.datasets.distributions": ("Discrete", "Mixture"),
    "sklauction.mechanism": ("TorchMechanism",),
    "sklauction.menu": ("Menu",),
    "sklauction.menus.affine_maximizer": ("AffineMaximizerAuction",),
    "sklauction.menus.affine_mechanism": ("AffineMechanism",),
    "sklauction.menus.allocation_menu": ("AllocationMenu",),
    "sklauction.price_sheets.bundle_pricing": ("BundlePricingAuction",),
    "sklauction.menus.menunet": ("MenuNetAuction",),
    "sklauction.price_sheets.mechanism": ("PricingMechanism",),
    "sklauction.menus.rochetnet": ("RochetNetAuction",),
    "sklauction.price_sheets.network": ("PriceSheetNetwork", "SheetDesign"),
    "sklauction.price_sheets.thresholds": ("ThresholdPrices",),
    "sklauction.datasets.priors": ("ProductPrior", "TrianglePrior"),
    "sklauction.learned.training": ("Judgement",),
    "sklauction.wrappers.truthful": ("TruthfulAuction",),
    "sklauction.two_player.algnet": ("ALGNetAuction",),
    "sklauction.two_player.layers": (
        "AttentionBody",
        "AttentionLayer",
        "DenseBody",
        "ExchangeableBody",
        "ExchangeableLayer",
    ),
    "sklauction.two_player.networks": (
        "AttentionAuctioneer",
        "EquivariantAuctioneer",
        "MLPAuctioneer",
    ),
    "sklauction.two_player.regretnet": ("RegretNetAuction",),
    "torch.nn": ("Linear", "ModuleList", "ParameterList"),
}
CLASSES = {name: module for module, names in MODULES.items() for name in names}
# Made by their constructors, which check: class -> {argument: attribute that holds it}.
OBJECTS = {
    "AuctionSetting": {
        name: name
        for name in (
            *("name", "prior", "demand", "description", "optimal_revenue"),
            *("optimal_revenue_bounds", "best_known_revenue", "menu", "source", "published"),
        )
    },
    "Discrete": {"values": "atoms", "probabilities": "probabilities"},
    "IronedVirtualValue": {name: name for name in ("values", "levels", "ironed_intervals")},
    "Mixture": {"components": "components", "weights": "weights"},
    "ProductPrior": {"marginals": "marginals"},
    "TrianglePrior": {},
}
# Functions that networks keep: name -> module.
FUNCTIONS = {"silu": "torch.nn.functional", "tanh": "torch", "relu": "torch.nn.functional"}


def find_class(name):
    """Return the class that a name in a file stands for.

    Raises
    ------
    ValueError
        If it is none of those that a file may hold.
    """
    if not isinstance(name, str) or name not in CLASSES:
        raise ValueError(f"{str(name)!r:.80} is no class that a file may hold")
    return getattr(importlib.import_module(CLASSES[name]), name)


def name_of(cls):
    """Return the name of a class in files, or None for one that they may not hold."""
    name = cls.__qualname__
    return name if name in CLASSES and find_class(name) is cls else None


def find_function(name):
    """Return the function that a name in a file stands for.

    Raises
    ------
    ValueError
        If it is none of those that a file may hold.
    """
    if not isinstance(name, str) or name not in FUNCTIONS:
        raise ValueError(f"{str(name)!r:.80} is no function that a file may hold")
    return getattr(importlib.import_module(FUNCTIONS[name]), name)


def name_of_function(value):
    """Return the name of a function in files, or None for one that they may not hold."""
    name = getattr(value, "__name__", None)
    if not isinstance(name, str) or name not in FUNCTIONS:
        return None
    return name if find_function(name) is value else None


def find_scipy(name):
    """Return the family of distributions in scipy.stats that has this name.

    Raises
    ------
    ValueError
        If there is none.
    """
    from scipy import stats

    family = getattr(stats, name, None) if isinstance(name, str) else None
    if not isinstance(family, stats.rv_continuous | stats.rv_discrete):
        raise ValueError(f"{str(name)!r:.80} is no distribution of scipy.stats")
    return family


def in_a_word(value):
    """Return a value for a message, in one line."""
    plain = value is None or isinstance(value, bool | int | float | str)
    return f"{value!r:.80}" if plain else f"a {type(value).__name__}"
