"""What the server's workers import: the application with the settings of the environment."""

from civic.app import create_app

application = create_app()
