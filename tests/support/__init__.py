"""What tests share: servers, browsers, clients, builders and page checks."""
