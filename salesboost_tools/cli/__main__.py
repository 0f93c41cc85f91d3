"""`python -m salesboost_tools.cli` is `salesboost`."""

from salesboost_tools.cli.main import main

main()
