"""The runs that several claims share."""

from attacks.claims.criterion.grid import Grid

_RECIPES = ("--recipes=adam:steps=2000,adam:steps=10000,adam:steps=10000:augment=shift+rotation,"
            "sgd:learning_rate=.1:momentum=.9:steps=10000:schedule=cosine:augment=shift")

MNIST_CURVE = Grid("mnist_curve", 37,
                   (_RECIPES, "--budgets=50,100,200,400,800,1600,3200,6400,12800"))
MNIST_LONG = Grid("mnist_long", 145, (_RECIPES, "--budgets=200,400,800,1600"))
DIGITS_CURVE = Grid("digits_curve", 12, (_RECIPES,))
QUICK_DIGITS = Grid("quick_digits", 2)
