"""What the server's workers import: the application with the settings of the environment."""

from civic.app import create_app
from civic.config import load_settings
from civic.core.logs import init_logs

settings = load_settings()
init_logs(settings.log_format)
application = create_app(settings)
