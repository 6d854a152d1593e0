"""The profiles of a site with their rows and tables, as they stand now: read at start, and anew when they change."""

from hub.profiles.library import Known, Library, Places, Profile, read_library
from hub.profiles.watching import Profiles

__all__ = ["Known", "Library", "Places", "Profile", "Profiles", "read_library"]
