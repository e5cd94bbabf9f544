// Everything: `#include <peerage/peerage.hpp>`.
#pragma once

#include "peerage/dictionaries.hpp"
#include "peerage/dom_exception.hpp"
#include "peerage/enums.hpp"
#include "peerage/event_loop.hpp"
#include "peerage/event_target.hpp"
#include "peerage/frames.hpp"
#include "peerage/media_stream.hpp"
#include "peerage/promise.hpp"
#include "peerage/rtc_certificate.hpp"
#include "peerage/rtc_data_channel.hpp"
#include "peerage/rtc_dtmf_sender.hpp"
#include "peerage/rtc_error.hpp"
#include "peerage/rtc_peer_connection.hpp"
#include "peerage/rtc_rtp.hpp"
#include "peerage/rtc_transports.hpp"
#include "peerage/stats.hpp"
