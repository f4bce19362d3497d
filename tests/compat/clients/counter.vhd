-- SPDX-License-Identifier: MIT
entity counter is
end entity;

architecture behaviour of counter is
    signal count : integer := 0;
    signal clock : boolean := false;
begin
    process (clock)
        variable sum : integer := 0;
    begin
        for i in 0 to 100 loop
            sum := sum + i * count;
        end loop;
        count <= count + 1;
    end process;
end architecture;
