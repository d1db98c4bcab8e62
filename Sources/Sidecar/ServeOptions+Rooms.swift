// ServeOptions+Rooms.swift: the options of the command line as the rooms take them.

import CheckAPI
import PolicyFiles

extension APISettings {
  init(_ options: ServeOptions) {
    self.init(trustedProxies: options.trustedProxies)
    targetHeader = options.targetHeader
    methodHeader = options.methodHeader
    hostHeader = options.hostHeader
    clientIPHeader = options.clientIPHeader
    style.denyStatus = options.denyStatus
    style.sendsDenyBody = options.hasDenyBody
    offersJSONForm = options.acceptsJSONForm
    style.sendsIETFHeaders = options.hasIETFHeaders
    style.reset = options.reset == .delta ? .delta : .epoch
  }
}

extension PolicyLoader.Options {
  init(_ options: ServeOptions) {
    self.init(redisIsGiven: options.redis != nil)
  }
}
