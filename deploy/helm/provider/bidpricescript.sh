#!/bin/sh
export BIDPRICE_SOCKET=/config/bidprice.sock BIDPRICE_FALLBACK=local
exec /usr/local/bin/bidprice-script
